using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;

namespace Fleet.Portal;

/// <summary>Serves the built single-page app, which lies beside the program in <c>wwwroot</c>: its files as they are, and its one page for every other address that a browser opens.</summary>
internal static class PortalPages
{
    public const string NotBuilt = "The portal was not built: Node.js 20 or newer with npm was not there when the program was. Install it from https://nodejs.org and build again. The API is at /api/openapi.json.";

    /// <summary>No script and nothing else from elsewhere; styles are made by the components as they appear.</summary>
    private const string Policy =
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>How files lie there compressed, the smallest first, by what browsers call it.</summary>
    private static readonly (string Encoding, string Ending)[] s_compressed = [("br", ".br"), ("gzip", ".gz")];

    private static readonly FileExtensionContentTypeProvider s_types = new(new FileExtensionContentTypeProvider().Mappings) { Mappings = { [".br"] = "application/octet-stream", [".gz"] = "application/gzip" } };

    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "wwwroot");

    public static bool IsBuilt => File.Exists(Path.Combine(s_folder, "index.html"));

    /// <summary>The app's files, and its page where links that are handed out are opened by a browser: the API answers scripts there.</summary>
    public static void UsePortal(this WebApplication app)
    {
        if (!Directory.Exists(s_folder)) return;
        app.UseWhen(context => IsFile(context.Request), files =>
        {
            files.Use(TakeCompressed);
            files.UseStaticFiles(new StaticFileOptions
            {
                FileProvider = new PhysicalFileProvider(s_folder),
                ContentTypeProvider = s_types,
                OnPrepareResponse = Describe,
            });
        });
        app.Use((context, next) => (context.Request.Path.StartsWithSegments("/device") || context.Request.Path.StartsWithSegments("/enroll-link")) && IsPage(context.Request) ? WriteAsync(context) : next(context));
    }

    /// <param name="isServed">Whether this program serves people at all.</param>
    /// <param name="unknown">What is told where there is nothing.</param>
    public static void MapPortal(this IEndpointRouteBuilder app, bool isServed, RequestDelegate unknown)
    {
        app.MapMethods("/", [HttpMethods.Get, HttpMethods.Head], isServed ? WriteAsync : static context =>
        {
            // That the server is up.
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        });
        app.MapFallback("{*path}", context => isServed && IsPage(context.Request) ? WriteAsync(context) : unknown(context));
    }

    private static bool IsFile(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && (request.Path.StartsWithSegments("/assets") || request.Path == "/icon.svg");

    /// <summary>A browser goes somewhere.</summary>
    private static bool IsPage(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && !IsFile(request) && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private static Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers.CacheControl = "no-cache";
        response.Headers.Vary = "Accept";
        if (!IsBuilt)
        {
            response.ContentType = "text/plain; charset=utf-8";
            return response.WriteAsync(NotBuilt, context.RequestAborted);
        }

        response.ContentType = "text/html; charset=utf-8";
        return response.SendFileAsync(Path.Combine(s_folder, "index.html"), context.RequestAborted);
    }

    private static Task TakeCompressed(HttpContext context, RequestDelegate next)
    {
        var accepted = context.Request.Headers.AcceptEncoding.ToString();
        foreach (var (encoding, ending) in s_compressed)
        {
            if (!accepted.Contains(encoding, StringComparison.OrdinalIgnoreCase) || !File.Exists(s_folder + context.Request.Path + ending)) continue;
            context.Request.Path += ending;
            context.Response.Headers.ContentEncoding = encoding;
            break;
        }

        context.Response.Headers.Vary = "Accept-Encoding";
        return next(context);
    }

    /// <summary>The names of the app's files change with what is in them.</summary>
    private static void Describe(StaticFileResponseContext file)
    {
        if (file.Context.Response.Headers.ContentEncoding.Count > 0 && s_types.TryGetContentType(Path.GetFileNameWithoutExtension(file.File.Name), out var type)) file.Context.Response.ContentType = type;
        file.Context.Response.Headers.XContentTypeOptions = "nosniff";
        file.Context.Response.Headers.CacheControl = file.Context.Request.Path.StartsWithSegments("/assets") ? "public, max-age=31536000, immutable" : "public, max-age=3600";
    }
}

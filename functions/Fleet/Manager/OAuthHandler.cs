using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OAuth;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;

namespace Fleet.Manager;

/// <summary>Makes a session for somebody whom the rules let in; null if the program knows a reason against it.</summary>
internal delegate Task<ClaimsPrincipal?> OAuthWelcome(HttpContext context, OAuthPerson person);

/// <summary>Hears of a sign-in that failed.</summary>
internal delegate Task OAuthRefused(HttpContext context, string provider, OAuthRefusedException refused);

/// <summary>ASP.NET's options and what is ours. Endpoints are empty until the provider was asked for them.</summary>
internal sealed class OAuthProviderOptions : OAuthOptions
{
    public OAuthProvider Provider { get; set; } = null!;

    public OAuthDiscovery Discovery { get; set; } = null!;

    public OAuthWelcome Welcome { get; set; } = null!;

    public OAuthRefused Refused { get; set; } = (_, _, _) => Task.CompletedTask;

    public Uri? PublicUrl { get; set; }

    /// <summary>Ours are checked when settings are read; ASP.NET's check wants endpoints that are not known yet.</summary>
    public override void Validate()
    {
    }
}

/// <summary>ASP.NET's authorization code flow, with endpoints that are found at the first use, an id_token that is looked at, and failures that end on the sign-in page.</summary>
internal sealed class OAuthHandler(IOptionsMonitor<OAuthProviderOptions> options, ILoggerFactory logger, UrlEncoder encoder) : OAuthHandler<OAuthProviderOptions>(options, logger, encoder)
{
    private const string NonceKey = "nonce";
    private OAuthEndpoints? _endpoints;
    private bool _isExchanging;

    private OAuthProvider Provider => Options.Provider;

    private string RedirectUri => Options.PublicUrl is { } url ? new Uri(url, Options.CallbackPath).AbsoluteUri : BuildRedirectUri(Options.CallbackPath);

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        try
        {
            await DiscoverAsync();
            await base.HandleChallengeAsync(properties);
        }
        catch (OAuthRefusedException refused)
        {
            await RefuseAsync(refused);
        }
    }

    protected override string BuildChallengeUrl(AuthenticationProperties properties, string redirectUri)
    {
        // It travels with the state, which the base class encrypts.
        var nonce = properties.Items[NonceKey] = WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(16));
        return QueryHelpers.AddQueryString(base.BuildChallengeUrl(properties, RedirectUri), "nonce", nonce!);
    }

    protected override async Task<HandleRequestResult> HandleRemoteAuthenticateAsync()
    {
        try
        {
            var result = await base.HandleRemoteAuthenticateAsync();
            return result.Failure is { } failure ? await RefuseAsync(Explain(failure)) : result;
        }
        catch (OAuthRefusedException refused)
        {
            return await RefuseAsync(refused);
        }
        catch (Exception fault) when (OAuthRefusedException.IsOutage(fault, Context.RequestAborted))
        {
            return await RefuseAsync(new(OAuthError.ProviderDown, "the token endpoint did not answer as one does: " + fault.Message, fault));
        }
        catch (Exception fault) when (!Context.RequestAborted.IsCancellationRequested)
        {
            // Somebody waits before a browser, where a problem in JSON helps nobody.
            Logger.LogError(fault, "Sign-in by {Provider} failed", Provider.Name);
            return await RefuseAsync(new(OAuthError.Internal, "see above"));
        }
    }

    /// <summary>Comes after the state was found good. The process that began the sign-in may have been another one, so endpoints may be unknown here too.</summary>
    protected override async Task<OAuthTokenResponse> ExchangeCodeAsync(OAuthCodeExchangeContext context)
    {
        await DiscoverAsync();
        _isExchanging = true;
        return await base.ExchangeCodeAsync(new(context.Properties, context.Code, RedirectUri));
    }

    protected override async Task<AuthenticationTicket> CreateTicketAsync(ClaimsIdentity identity, AuthenticationProperties properties, OAuthTokenResponse tokens)
    {
        if (!properties.Items.Remove(NonceKey, out var nonce) || nonce is null) throw new OAuthRefusedException(OAuthError.State, "the state has no nonce");
        var claims = IdToken.Read(Provider, _endpoints!.Issuer, OAuthClaims.Text(tokens.Response!.RootElement, "id_token"), nonce, TimeProvider.GetUtcNow());
        if (OAuthClaims.Names(claims, "_claim_names").Any(Provider.RoleClaims.Contains))
        {
            Logger.LogWarning("{Provider}: {Subject} is in more groups than a token holds, so none came; map app roles, or let the app see only groups that are assigned to it", Provider.Name, OAuthClaims.Text(claims, "sub"));
        }

        var more = await AskMoreAsync(claims, tokens.AccessToken!);
        var person = OAuthRules.Admit(Provider, OAuthPerson.Read(Provider, claims, more));
        var principal = await Options.Welcome(Context, person)
            ?? throw new OAuthRefusedException(OAuthError.NotAllowed, $"{person.Email ?? person.Subject} is not welcome");

        // The provider knows who has left and whose role has changed, and is asked again when the session ends: using it must not make it longer.
        properties.AllowRefresh = false;
        return new(principal, properties, Scheme.Name);
    }

    /// <summary>Many issuers keep the id_token small, and tell address and groups only here. Entra's has no groups, and no better address.</summary>
    private async Task<JsonElement> AskMoreAsync(JsonElement claims, string accessToken)
    {
        var lacks = OAuthClaims.Text(claims, "email") is null || (Provider.RoleClaims.Count > 0 && !Provider.RoleClaims.SelectMany(claim => OAuthClaims.Texts(claims, claim)).Any());
        if (!lacks || Provider.Kind == OAuthKind.Entra || _endpoints!.UserInfo is not { } url) return default;
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", accessToken);
        using var document = await OAuthDiscovery.GetAsync(Backchannel, request, Context.RequestAborted);
        return OAuthClaims.Text(document.RootElement, "sub") == OAuthClaims.Text(claims, "sub")
            ? document.RootElement.Clone()
            : throw new OAuthRefusedException(OAuthError.Identity, "the userinfo endpoint speaks of somebody else (sub)");
    }

    /// <summary>The options are shared by all requests; each writes the same.</summary>
    private async Task DiscoverAsync()
    {
        _endpoints = await Options.Discovery.FindAsync(Backchannel, Context.RequestAborted);
        (Options.AuthorizationEndpoint, Options.TokenEndpoint) = (_endpoints.Authorization, _endpoints.Token);
    }

    /// <summary>ASP.NET has one sort of failure; what the provider said itself lies in its data.</summary>
    private OAuthRefusedException Explain(Exception failure) => (failure.Data["error"] as string, _isExchanging) switch
    {
        ("access_denied", false) => new(OAuthError.Cancelled, failure.Message),
        ("temporarily_unavailable" or "server_error", _) => new(OAuthError.ProviderDown, failure.Message),
        ({ }, _) => new(OAuthError.ProviderRefused, failure.Message),
        (null, true) => new(OAuthError.ProviderDown, failure.Message),
        (null, false) => new(OAuthError.State, failure.Message),
    };

    private async Task<HandleRequestResult> RefuseAsync(OAuthRefusedException refused)
    {
        // That people change their minds, or come too late, is no news.
        var level = refused.Code is OAuthError.Cancelled or OAuthError.State ? LogLevel.Information : LogLevel.Warning;
        Logger.Log(level, "Sign-in by {Provider} failed ({Code}): {Reason}", Provider.Name, refused.Code, refused.Message);
        await Options.Refused(Context, Provider.Name, refused);
        Response.Redirect(OAuthSignIn.PageOf(refused.Code));
        return HandleRequestResult.Handle();
    }
}

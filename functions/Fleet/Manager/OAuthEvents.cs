using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Fleet.Manager;

/// <summary>What ASP.NET's OpenID Connect leaves to a program: who is let in, and failures that end on the sign-in page.</summary>
internal sealed class OAuthEvents(OAuthProvider provider, Uri? publicUrl, OAuthWelcome welcome, OAuthRefused refused) : OpenIdConnectEvents
{
    private const string ClaimsKey = "claims";
    private const string MoreKey = "more";
    private static readonly object s_hasToken = new();

    public override Task RedirectToIdentityProvider(RedirectContext context)
    {
        if (publicUrl is not null) context.ProtocolMessage.RedirectUri = new Uri(publicUrl, context.Options.CallbackPath).AbsoluteUri;

        // Who has several accounts chooses one; else, who came with the wrong one would never get out of it.
        if (provider.Kind != OAuthKind.Oidc) context.ProtocolMessage.Prompt = "select_account";
        return Task.CompletedTask;
    }

    public override Task TokenResponseReceived(TokenResponseReceivedContext context)
    {
        context.HttpContext.Items[s_hasToken] = true;
        return Task.CompletedTask;
    }

    /// <summary>Signature, issuer, audience, times and nonce are good.</summary>
    public override async Task TokenValidated(TokenValidatedContext context)
    {
        using var document = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(context.SecurityToken.RawPayload ?? context.SecurityToken.EncodedPayload));
        var claims = document.RootElement.Clone();
        var party = OAuthClaims.Text(claims, "azp");
        if (party is null ? OAuthClaims.Texts(claims, "aud").Skip(1).Any() : party != provider.ClientId) throw Wrong($"it was asked for by '{party}', not by '{provider.ClientId}'");
        if (provider.Kind == OAuthKind.Entra && !string.Equals(OAuthClaims.Text(claims, "tid"), provider.Tenant, StringComparison.OrdinalIgnoreCase)) throw Wrong("it is of another tenant (tid)");
        context.Properties!.SetParameter(ClaimsKey, claims);
        context.Properties.SetParameter(MoreKey, await AskMoreAsync(context, claims));
    }

    /// <summary>Many issuers keep the id_token small, and tell address and groups only here. Entra's has no groups, and no better address.</summary>
    private async Task<JsonElement> AskMoreAsync(TokenValidatedContext context, JsonElement claims)
    {
        var ct = context.HttpContext.RequestAborted;
        var lacks = OAuthClaims.Text(claims, "email") is null || (provider.RoleClaims.Count > 0 && !provider.RoleClaims.SelectMany(claim => OAuthClaims.Texts(claims, claim)).Any());
        if (!lacks || provider.Kind == OAuthKind.Entra) return default;
        if ((await context.Options.ConfigurationManager!.GetConfigurationAsync(ct)).UserInfoEndpoint is not { Length: > 0 } url) return default;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Authorization = new("Bearer", context.TokenEndpointResponse!.AccessToken), Accept = { new("application/json") } } };
            using var response = await context.Options.Backchannel.SendAsync(request, ct);
            using var document = JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(ct));
            return OAuthClaims.Text(document.RootElement, "sub") == OAuthClaims.Text(claims, "sub") ? document.RootElement.Clone() : throw Wrong("the userinfo endpoint speaks of somebody else (sub)");
        }
        catch (Exception fault) when (OAuthRefusedException.IsOutage(fault, ct))
        {
            throw new OAuthRefusedException(OAuthError.ProviderDown, $"{url} did not answer as a provider does: {fault.Message}", fault);
        }
    }

    public override async Task TicketReceived(TicketReceivedContext context)
    {
        try
        {
            var claims = context.Properties!.GetParameter<JsonElement>(ClaimsKey);
            if (OAuthClaims.Names(claims, "_claim_names").Any(provider.RoleClaims.Contains))
            {
                LogOf(context.HttpContext).LogWarning("{Provider}: {Subject} is in more groups than a token holds, so none came; map app roles, or let the app see only groups that are assigned to it", provider.Name, OAuthClaims.Text(claims, "sub"));
            }

            var person = OAuthRules.Admit(provider, OAuthPerson.Read(provider, claims, context.Properties.GetParameter<JsonElement>(MoreKey)));
            context.Principal = await welcome(context.HttpContext, person) ?? throw new OAuthRefusedException(OAuthError.NotAllowed, $"{person.Email ?? person.Subject} is not welcome");

            // The provider knows who has left and whose role has changed, and is asked again when the session ends: using it must not make it longer.
            context.Properties.AllowRefresh = false;
        }
        catch (OAuthRefusedException refusal)
        {
            await RefuseAsync(context.HttpContext, refusal);
            context.HandleResponse();
        }
        catch (Exception fault) when (!context.HttpContext.RequestAborted.IsCancellationRequested)
        {
            // Somebody waits before a browser, where a problem in JSON helps nobody.
            await RefuseAsync(context.HttpContext, new(OAuthError.Internal, fault.Message, fault));
            context.HandleResponse();
        }
    }

    public override async Task AccessDenied(AccessDeniedContext context)
    {
        await RefuseAsync(context.HttpContext, new(OAuthError.Cancelled, "the person did not consent"));
        context.HandleResponse();
    }

    public override async Task RemoteFailure(RemoteFailureContext context)
    {
        if (context.HttpContext.RequestAborted.IsCancellationRequested) return;
        await RefuseAsync(context.HttpContext, Explain(context.Failure!, context.HttpContext));
        context.HandleResponse();
    }

    /// <summary>Leads the browser to the provider, whose configuration is read for that if it is not known.</summary>
    public async Task ChallengeAsync(HttpContext http, string returnTo)
    {
        try
        {
            await http.ChallengeAsync(provider.Name, new() { RedirectUri = returnTo });
        }
        catch (Exception fault) when (!http.RequestAborted.IsCancellationRequested)
        {
            await RefuseAsync(http, Explain(fault, http));
        }
    }

    /// <summary>What ASP.NET calls by many types; what the provider said itself lies in the data.</summary>
    private static OAuthRefusedException Explain(Exception failure, HttpContext http) => failure switch
    {
        OAuthRefusedException refusal => refusal,
        _ when failure.Data["error"] is string error => new(error is "temporarily_unavailable" or "server_error" ? OAuthError.ProviderDown : OAuthError.ProviderRefused, failure.Message, failure),
        { InnerException: OAuthRefusedException refusal } => refusal,
        _ when http.Items.ContainsKey(s_hasToken) => Wrong(failure.Message, failure),
        _ when OAuthRefusedException.IsOutage(failure, http.RequestAborted) => Down(failure),

        // An answer of the token endpoint that is none, or a configuration that is not to be believed.
        OpenIdConnectProtocolException or InvalidOperationException => Down(failure),
        AuthenticationFailureException => new(OAuthError.State, failure.Message, failure),
        _ => new(OAuthError.Internal, failure.Message, failure),
    };

    private static OAuthRefusedException Down(Exception failure) => new(OAuthError.ProviderDown, "the provider did not answer as one does: " + failure.GetBaseException().Message, failure);

    private static OAuthRefusedException Wrong(string reason, Exception? cause = null) => new(OAuthError.Identity, "the id_token is refused: " + reason, cause);

    private async Task RefuseAsync(HttpContext http, OAuthRefusedException refusal)
    {
        // That people change their minds, or come too late, is no news.
        var level = refusal.Code switch
        {
            OAuthError.Cancelled or OAuthError.State => LogLevel.Information,
            OAuthError.Internal => LogLevel.Error,
            _ => LogLevel.Warning,
        };
        LogOf(http).Log(level, refusal.Code == OAuthError.Internal ? refusal.InnerException : null, "Sign-in by {Provider} failed ({Code}): {Reason}", provider.Name, refusal.Code, refusal.Message);
        await refused(http, provider.Name, refusal);
        http.Response.Redirect(OAuthSignIn.PageOf(refusal.Code));
    }

    private static ILogger<OAuthEvents> LogOf(HttpContext http) => http.RequestServices.GetRequiredService<ILogger<OAuthEvents>>();
}

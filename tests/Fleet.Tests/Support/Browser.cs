using System.Text.Json.Nodes;

namespace Fleet.Tests.Support;

/// <summary>Somebody who signs in with a name and a password, and sends the cookie from then on.</summary>
internal static class Browser
{
    public static async Task<Api> SignInAsync(Uri url, string name, string password)
    {
        var api = new Api(url, null);
        var body = new JsonObject { ["username"] = name, ["password"] = password }.ToJsonString();
        using var response = await api.Http.PostAsync(new Uri("/api/session", UriKind.Relative), new StringContent(body, null, "application/json"));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        api.Http.DefaultRequestHeaders.Add("Cookie", response.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet=", StringComparison.Ordinal)).Split(';')[0]);
        api.Http.DefaultRequestHeaders.Add("X-Fleet-Csrf", "1");
        return api;
    }
}

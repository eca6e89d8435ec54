using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

/// <summary>Half a surrogate pair is valid JSON and no text. Wherever it stands, the request is refused and nothing fails.</summary>
public sealed class OddTextTests : ApiTest
{
    private static readonly (string Method, string Path, string Body)[] s_bodies =
    [
        ("PUT", "/api/queries/x", """{"sql":"select 1","description":"a","platform":"linux","version":"1.0","tags":["a"]}"""),
        ("PUT", "/api/packs/x", """{"platform":"linux","shard":"7","tags":["a"],"discovery":["select 1"],"queries":{"q":{"query":"select 1","interval":60,"platform":"linux"}}}"""),
        ("PUT", "/api/options/x", """{"tags":["a"],"config":{"options":{"logger_plugin":"tls"},"views":{"v":"select 1"},"decorators":{"load":["select 1"],"interval":{"60":["select 1"]}},"schedule":{"q":{"query":"select 1","interval":"60"}}}}"""),
        ("PUT", "/api/file-paths/x", """{"paths":["/etc/%"],"exclude":["/etc/x"],"tags":["a"]}"""),
        ("PUT", "/api/rules/x", """{"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"},{"field":"column","operator":"column_in","value":["name",["a","b"]]}]},"message":"m","severity":"low","tags":["a"],"group":{"window":"1h","by":["path"]}}"""),
        ("PUT", "/api/alerters/x", """{"type":"file","settings":{"path":"alerts"}}"""),
        ("PUT", "/api/sinks/x", """{"type":"file","settings":{"path":"results"},"filter":{"queries":["a"]}}"""),
        ("PUT", "/api/tags/x", """{"description":"a"}"""),
        ("POST", "/api/enroll-secrets", """{"name":"x","tags":["a"]}"""),
        ("POST", "/api/tokens", """{"name":"x","role":"viewer"}"""),
        ("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true,"tags":["a"],"nodes":["b"]}}"""),
        ("POST", "/api/import", """{"schedule":{"q":{"query":"select 1","interval":60}},"packs":{"p":{"queries":{"q":{"query":"select 1","interval":60}}}}}"""),
        ("POST", "/api/rules/test", """{"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]},"line":{"name":"q","columns":{"a":"1"},"unixTime":1}}"""),
        ("POST", "/api/sign-in", """{"name":"x","password":"y"}"""),
        ("POST", "/api/v1/fleet/queries", """{"name":"x","query":"select 1"}"""),
        ("POST", "/api/v1/fleet/login", """{"email":"x","password":"y"}"""),
    ];

    [Fact]
    public async Task A_lone_surrogate_is_refused_in_every_place()
    {
        var failed = new List<string>();
        foreach (var (method, path, body) in s_bodies)
        {
            foreach (var odd in Spoiled(body))
            {
                using var request = new HttpRequestMessage(new(method), path) { Content = new StringContent(odd, Encoding.UTF8, "application/json") };
                request.Headers.IfMatch.Add(EntityTagHeaderValue.Any);
                using var reply = await Api.Http.SendAsync(request);
                if (reply.StatusCode >= HttpStatusCode.InternalServerError) failed.Add($"{method} {path} {odd}: {await reply.Content.ReadAsStringAsync()}");
            }
        }

        Assert.True(failed.Count == 0, string.Join('\n', failed));
    }

    /// <summary>Each text and each member's name in turn.</summary>
    private static IEnumerable<string> Spoiled(string body)
    {
        for (var at = body.IndexOf('"', StringComparison.Ordinal); at >= 0;)
        {
            var end = body.IndexOf('"', at + 1);
            yield return body[..(at + 1)] + "\\ud800" + body[end..];
            yield return body[..end] + "\\udc00" + body[end..];
            at = body.IndexOf('"', end + 1);
        }
    }
}

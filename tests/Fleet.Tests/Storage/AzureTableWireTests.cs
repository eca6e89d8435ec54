using System.Diagnostics;
using System.Net;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Fleet.Storage;
using Fleet.Storage.Azure;
using Moq;

namespace Fleet.Tests.Storage;

/// <summary>What Table Storage does and Azurite does not, against a script of answers.</summary>
public sealed class AzureTableWireTests
{
    private static readonly Key s_key = new("p", "r");

    [Fact]
    public async Task Throttling_is_waited_out_as_the_service_asks()
    {
        var script = new Script(_ => Throttled(HttpStatusCode.ServiceUnavailable), _ => Throttled(HttpStatusCode.TooManyRequests), _ => Entity("""{"A":"1"}"""));
        Assert.Equal("1", (await script.Table.FindAsync(s_key, default))!.Columns.Text("A"));
        Assert.Equal(3, script.Requests.Count);
    }

    [Fact]
    public async Task A_store_that_stays_down_is_unavailable_after_four_tries()
    {
        var script = new Script(_ => Error(HttpStatusCode.InternalServerError, "OperationTimedOut"));
        var fault = await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.FindAsync(s_key, default));
        Assert.Contains("OperationTimedOut", fault.Message, StringComparison.Ordinal);
        Assert.Equal(4, script.Requests.Count);
    }

    [Fact]
    public async Task A_role_that_is_missing_is_named()
    {
        var script = new Script(_ => Error(HttpStatusCode.Forbidden, "AuthorizationPermissionMismatch"));
        var fault = await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, []), default));
        Assert.Contains("role", fault.Message, StringComparison.Ordinal);
        Assert.Single(script.Requests);
    }

    [Fact]
    public async Task A_table_that_is_being_deleted_is_for_later()
    {
        var script = new Script(_ => Error(HttpStatusCode.NotFound, "TableNotFound"), _ => Error(HttpStatusCode.Conflict, "TableBeingDeleted"));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, []), default));
        script = new Script(_ => Error(HttpStatusCode.Conflict, "TableBeingDeleted"));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, []), default));
    }

    [Fact]
    public async Task A_table_is_made_by_the_first_write_that_misses_it()
    {
        var script = new Script(_ => Error(HttpStatusCode.NotFound, "TableNotFound"), _ => new(HttpStatusCode.Created) { Content = new StringContent("""{"TableName":"Things"}""", Encoding.UTF8, "application/json") }, _ => Written());
        await script.Table.WriteAsync(Write.Insert(s_key, []), default);
        Assert.Equal(["/Things", "/Tables", "/Things"], script.Requests.Select(request => request.Uri.AbsolutePath));
        Assert.Contains("\"TableName\":\"Things\"", script.Requests[1].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Both_continuation_tokens_go_back_and_an_empty_page_with_them_is_no_end()
    {
        var script = new Script(
            _ => Page("", "1!8!cA--", "1!8!cg--"),
            _ => Page("""{"odata.etag":"W/\"1\"","PartitionKey":"p","RowKey":"r"}""", "1!8!only", row: null),
            _ => Page("", partition: null, row: null));
        var rows = new List<Row>();
        await foreach (var row in script.Table.ScanAsync(KeyRange.Partition("p"), default)) rows.Add(row);
        Assert.Equal("W/\"1\"", Assert.Single(rows).Etag);
        Assert.Contains("NextPartitionKey=1%218%21cA--&NextRowKey=1%218%21cg--", script.Requests[1].Uri.Query, StringComparison.Ordinal);
        Assert.Contains("NextPartitionKey=1%218%21only", script.Requests[2].Uri.Query, StringComparison.Ordinal);
        Assert.DoesNotContain("NextRowKey", script.Requests[2].Uri.Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_part_that_failed_says_which_write_of_a_transaction_it_was()
    {
        var script = new Script(_ => Batch("HTTP/1.1 412 Precondition Failed\r\nContent-Type: application/json\r\n\r\n" + ErrorJson("UpdateConditionNotSatisfied", "1:The update condition was not satisfied.\\nRequestId:x")));
        var fault = await Assert.ThrowsAsync<ConflictException>(async () =>
            await script.Table.WriteAllAsync([Write.Insert(new("p", "first"), []), Write.Replace(new("p", "second"), []).If("W/\"1\"")], default));
        Assert.Contains("second", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EntityTooLarge")]
    [InlineData("PropertyValueTooLarge")]
    [InlineData("TooManyProperties")]
    public async Task A_limit_that_was_not_foreseen_is_told_with_the_services_own_word_and_not_tried_again(string code)
    {
        var script = new Script(_ => Error(HttpStatusCode.BadRequest, code));
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, []), default));
        Assert.Contains(code, fault.Message, StringComparison.Ordinal);
        Assert.Single(script.Requests);
    }

    [Fact]
    public async Task A_row_that_is_not_there_is_told_in_the_body_alone()
    {
        foreach (var code in new[] { "ResourceNotFound", "TableNotFound" })
        {
            var script = new Script(_ => Error(HttpStatusCode.NotFound, code));
            Assert.Null(await script.Table.FindAsync(s_key, default));
            Assert.Empty((await script.Table.PageAsync(KeyRange.Everything, 1, null, default)).Items);
            Assert.Equal("", await script.Table.WriteAsync(Write.Delete(s_key), default));
            await Assert.ThrowsAsync<ConflictException>(async () => await script.Table.WriteAsync(Write.Delete(s_key).If("W/\"1\""), default));
            Assert.All(script.Requests, request => Assert.DoesNotContain("filter", request.Uri.Query, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_404_that_is_not_Table_Storages_own_says_nothing_about_rows()
    {
        var script = new Script(_ => new(HttpStatusCode.NotFound) { Content = new StringContent("<html>no such site</html>") });
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.FindAsync(s_key, default));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.PageAsync(KeyRange.Everything, 1, null, default));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.WriteAsync(Write.Delete(s_key), default));
    }

    [Fact]
    public async Task A_hundred_deletes_of_what_is_gone_are_not_a_hundred_transactions_one_after_another()
    {
        var script = new Script(
            _ => Batch("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n\r\n" + ErrorJson("ResourceNotFound", "0:The specified resource does not exist.")),
            _ => Error(HttpStatusCode.NotFound, "ResourceNotFound"));
        await script.Table.WriteAllAsync([.. Enumerable.Range(0, 100).Select(i => Write.Delete(new("p", "r" + i)))], default);
        Assert.Equal((1, 100), (script.Requests.Count(request => request.Uri.AbsolutePath.EndsWith("$batch", StringComparison.Ordinal)), script.Requests.Count(request => request.Body.Length == 0)));
    }

    [Fact]
    public async Task Limits_are_checked_before_anything_is_sent()
    {
        var script = new Script(_ => Written());
        var wide = new Columns();
        for (var i = 0; i < 253; i++) wide["C" + i] = 1L;
        await Assert.ThrowsAsync<ArgumentException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, wide), default));
        var large = new Columns();
        for (var i = 0; i < 17; i++) large["C" + i] = new byte[64_000];
        await Assert.ThrowsAsync<ArgumentException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, large), default));
        Assert.Empty(script.Requests);
    }

    [Fact]
    public async Task An_insert_whose_first_answer_was_lost_is_no_conflict_with_itself()
    {
        var script = new Script(
            _ => Error(HttpStatusCode.InternalServerError, "OperationTimedOut"), _ => Error(HttpStatusCode.Conflict, "EntityAlreadyExists"),
            _ => Entity("""{"odata.etag":"W/\"1\"","PartitionKey":"p","RowKey":"r","A":"mine"}"""));
        Assert.Equal("W/\"1\"", await script.Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = "mine" }), default));
        script = new Script(
            _ => Error(HttpStatusCode.InternalServerError, "OperationTimedOut"), _ => Error(HttpStatusCode.Conflict, "EntityAlreadyExists"),
            _ => Entity("""{"PartitionKey":"p","RowKey":"r","A":"somebody's"}"""));
        await Assert.ThrowsAsync<ConflictException>(async () => await script.Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = "mine" }), default));
    }

    [Fact]
    public async Task A_transaction_whose_first_answer_was_lost_is_no_conflict_with_itself()
    {
        var conflict = "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\n\r\n" + ErrorJson("EntityAlreadyExists", "0:The specified entity already exists.");
        Write[] writes = [Write.Insert(new("p", "r"), new Columns { ["A"] = "mine" }), Write.Merge(new("p", "s"), [])];
        var script = new Script(
            _ => Error(HttpStatusCode.InternalServerError, "OperationTimedOut"), _ => Batch(conflict), _ => Entity("""{"PartitionKey":"p","RowKey":"r","A":"mine"}"""));
        await script.Table.WriteAllAsync(writes, default);
        script = new Script(
            _ => Error(HttpStatusCode.InternalServerError, "OperationTimedOut"), _ => Batch(conflict), _ => Entity("""{"PartitionKey":"p","RowKey":"r","A":"somebody's"}"""));
        await Assert.ThrowsAsync<ConflictException>(async () => await script.Table.WriteAllAsync(writes, default));
        script = new Script(_ => Batch(conflict), _ => Entity("""{"PartitionKey":"p","RowKey":"r","A":"mine"}"""));
        await Assert.ThrowsAsync<ConflictException>(async () => await script.Table.WriteAllAsync(writes, default));
    }

    [Fact]
    public async Task Types_are_read_whether_they_stand_before_their_value_or_after_it()
    {
        var script = new Script(_ => Entity("""{"N":"9007199254740993","N@odata.type":"Edm.Int64","T@odata.type":"Edm.DateTime","T":"2026-01-02T03:04:05.0000001Z","R":1,"Z":null}"""));
        var columns = (await script.Table.FindAsync(s_key, default))!.Columns;
        Assert.Equal((9007199254740993, 1.0), (columns.Number("N")!.Value, (double)columns["R"]));
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(1), columns.Time("T"));
        Assert.False(columns.ContainsKey("Z"));
    }

    [Fact]
    public async Task A_trace_goes_on_through_the_store()
    {
        using var listener = new ActivityListener { ShouldListenTo = _ => true, Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("test");
        using var activity = source.StartActivity("request");
        var script = new Script(_ => Entity("{}"));
        await script.Table.FindAsync(s_key, default);
        Assert.Contains(activity!.TraceId.ToHexString(), script.Requests[0].Headers["traceparent"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_SAS_goes_with_every_try_once()
    {
        var script = new Script("TableEndpoint=https://x.table.core.windows.net;SharedAccessSignature=?sv=2020&sig=abc%3D", _ => Throttled(HttpStatusCode.ServiceUnavailable), _ => Page("", null, null));
        await script.Table.PageAsync(KeyRange.Everything, 1, null, default);
        Assert.All(script.Requests, request => Assert.Equal(2, request.Uri.Query.Split("sig=abc%3D").Length));
    }

    [Fact]
    public async Task An_identity_is_asked_once_for_a_token_that_goes_with_each_call()
    {
        var identity = new Mock<TokenCredential>();
        identity.Setup(one => one.GetTokenAsync(It.IsAny<TokenRequestContext>(), It.IsAny<CancellationToken>())).ReturnsAsync(new AccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1)));
        var script = new Script(AccountOf(identity), _ => Entity("{}"));
        for (var i = 0; i < 3; i++) await script.Table.FindAsync(s_key, default);
        Assert.All(script.Requests, request => Assert.Equal("Bearer a-token", request.Headers["Authorization"]));
        identity.Verify(one => one.GetTokenAsync(It.Is<TokenRequestContext>(asked => asked.Scopes.Single() == "https://storage.azure.com/.default"), It.IsAny<CancellationToken>()), Times.Once);
    }

    [Fact]
    public async Task An_identity_that_gets_no_token_is_told_and_asked_again_the_next_time()
    {
        var identity = new Mock<TokenCredential>();
        identity.SetupSequence(one => one.GetTokenAsync(It.IsAny<TokenRequestContext>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(new CredentialUnavailableException("There is no managed identity."))
            .ReturnsAsync(new AccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1)));
        var script = new Script(AccountOf(identity), _ => Entity("{}"));
        var fault = await Assert.ThrowsAsync<StorageUnavailableException>(async () => await script.Table.FindAsync(s_key, default));
        Assert.Contains("There is no managed identity.", fault.Message, StringComparison.Ordinal);
        Assert.Empty(script.Requests);
        Assert.NotNull(await script.Table.FindAsync(s_key, default));
    }

    [Theory]
    [InlineData("AccountName=a", "AccountKey")]
    [InlineData("AccountKey=YQ==", "AccountName")]
    [InlineData("AccountName=a;AccountKey=secret!", "base64")]
    [InlineData("nonsense", "NAME=VALUE")]
    public void A_wrong_connection_string_is_explained_without_being_shown(string text, string expected)
    {
        var fault = Assert.Throws<FormatException>(() => StorageAccount.Parse(text));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret!", fault.Message, StringComparison.Ordinal);
    }

    private static StorageAccount AccountOf(Mock<TokenCredential> identity) => StorageAccount.Of(new("https://x.table.core.windows.net"), blobs: null, identity.Object);

    private static HttpResponseMessage Entity(string json) => new(HttpStatusCode.OK) { Content = new StringContent(json, Encoding.UTF8, "application/json"), Headers = { { "ETag", "W/\"1\"" } } };

    private static HttpResponseMessage Written() => new(HttpStatusCode.NoContent) { Headers = { { "ETag", "W/\"1\"" } } };

    private static HttpResponseMessage Throttled(HttpStatusCode status)
    {
        var response = Error(status, "ServerBusy");
        response.Headers.Add("Retry-After", "0");
        return response;
    }

    private static HttpResponseMessage Error(HttpStatusCode status, string code) =>
        new(status) { Content = new StringContent(ErrorJson(code, "It is so.\\nRequestId:x"), Encoding.UTF8, "application/json") };

    private static string ErrorJson(string code, string message) => "{\"odata.error\":{\"code\":\"" + code + "\",\"message\":{\"lang\":\"en-US\",\"value\":\"" + message + "\"}}}";

    private static HttpResponseMessage Page(string entities, string? partition, string? row)
    {
        var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent($"{{\"value\":[{entities}]}}", Encoding.UTF8, "application/json") };
        if (partition is not null) response.Headers.Add("x-ms-continuation-NextPartitionKey", partition);
        if (row is not null) response.Headers.Add("x-ms-continuation-NextRowKey", row);
        return response;
    }

    private static HttpResponseMessage Batch(string part) => new(HttpStatusCode.Accepted)
    {
        Content = new StringContent($"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n--changesetresponse_1\r\nContent-Type: application/http\r\n\r\n{part}\r\n--changesetresponse_1--\r\n--batchresponse_1--\r\n")
        {
            Headers = { ContentType = new("multipart/mixed") { Parameters = { new("boundary", "batchresponse_1") } } },
        },
    };

    private sealed record Sent(Uri Uri, string Body, Dictionary<string, string> Headers);

    /// <summary>Answers one request after another; the last answer is given again.</summary>
    private sealed class Script : HttpMessageHandler
    {
        private readonly Func<HttpRequestMessage, HttpResponseMessage>[] _answers;

        public Script(params Func<HttpRequestMessage, HttpResponseMessage>[] answers)
            : this("AccountName=x;AccountKey=YQ==", answers)
        {
        }

        public Script(string connectionString, params Func<HttpRequestMessage, HttpResponseMessage>[] answers)
            : this(StorageAccount.Parse(connectionString), answers)
        {
        }

        public Script(StorageAccount account, params Func<HttpRequestMessage, HttpResponseMessage>[] answers)
        {
            _answers = answers;
            Table = new AzureTables(account, new HttpClientTransport(new HttpClient(this)))["Things"];
        }

        public ITable Table { get; }

        public List<Sent> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var sent = new Sent(
                request.RequestUri!, request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken),
                request.Headers.ToDictionary(header => header.Key, header => string.Join(',', header.Value)));
            lock (Requests)
            {
                Requests.Add(sent);
                return _answers[Math.Min(Requests.Count, _answers.Length) - 1](request);
            }
        }
    }
}

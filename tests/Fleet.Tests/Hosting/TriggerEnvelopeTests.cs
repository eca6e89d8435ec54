using System.Text;
using System.Text.Json;
using Fleet.Bus.Azure;
using Fleet.Hosting;

namespace Fleet.Tests.Hosting;

/// <summary>The host's encodings, as its source has them.</summary>
public sealed class TriggerEnvelopeTests
{
    private const string Body = "Results202612/0a/1-2";

    [Theory]
    [InlineData("""{"Data":{"message":"\"Results202612/0a/1-2\""},"Metadata":{"DeliveryCount":"1"}}""")]
    [InlineData("""{"Data":{"message":"Results202612/0a/1-2"},"Metadata":{}}""")]
    [InlineData("""{"Data":{"message":"\"\\\"Results202612/0a/1-2\\\"\""}}""")]
    [InlineData("""{"Data":{"message":"UmVzdWx0czIwMjYxMi8wYS8xLTI="},"Metadata":{}}""")]
    [InlineData("""{"Data":{"messages":"[\"Results202612/0a/1-2\"]"},"Metadata":{}}""")]
    [InlineData("""{"Data":{"messages":["Results202612/0a/1-2"]},"Metadata":{}}""")]
    [InlineData("""{"Data":{"messages":"[\"UmVzdWx0czIwMjYxMi8wYS8xLTI=\"]"},"Metadata":{}}""")]
    public async Task A_message_is_found_however_it_is_wrapped(string call)
    {
        Assert.Equal(new BusMessage(Body), Assert.Single(await ReadAsync(call)));
    }

    [Theory]
    [InlineData("""{"Data":{"m":"\"a-b\""},"Metadata":{"ApplicationProperties":{"delivery":3}}}""", 3)]
    [InlineData("""{"Data":{"m":"\"a-b\""},"Metadata":{"ApplicationProperties":"{\"delivery\":\"4\"}"}}""", 4)]
    [InlineData("""{"Data":{"m":"\"a-b\""},"Metadata":{"UserProperties":{"delivery":5}}}""", 5)]
    [InlineData("""{"Data":{"m":"\"a-b\""},"Metadata":{"ApplicationProperties":{"delivery":"x"}}}""", 1)]
    [InlineData("""{"Data":{"m":"\"a-b\""},"Metadata":"odd"}""", 1)]
    public async Task Its_own_count_of_deliveries_is_read(string call, int delivery) => Assert.Equal(delivery, Assert.Single(await ReadAsync(call)).Delivery);

    [Fact]
    public async Task A_batch_has_a_count_for_each()
    {
        var read = await ReadAsync("""{"Data":{"m":"[\"a-1\",\"b-2\",\"c-3\"]"},"Metadata":{"ApplicationPropertiesArray":"[{\"delivery\":2},{},{\"delivery\":7,\"chain\":\"x\"}]"}}""");
        Assert.Equal([new("a-1", 2), new("b-2"), new("c-3", 7, "x")], read);
    }

    [Fact]
    public async Task An_object_is_its_JSON() => Assert.Equal("""{"kind":"x"}""", Assert.Single(await ReadAsync("""{"Data":{"m":{"kind":"x"}}}""")).Body);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Data":"x"}""")]
    public async Task What_is_no_call_is_refused(string call) => await Assert.ThrowsAnyAsync<JsonException>(() => ReadAsync(call));

    private static async Task<IReadOnlyList<BusMessage>> ReadAsync(string call) => await TriggerEnvelope.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(call)), default);
}

using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Tests.Storage;

/// <summary>What every <see cref="ITable"/> promises. Derive once per implementation; add nothing there.</summary>
public abstract class TableContract : IAsyncLifetime
{
    private static readonly Key s_key = new("p", "r");

    internal ITables Tables { get; private set; } = null!;

    internal abstract ValueTask<ITables> OpenEmptyAsync();

    public async Task InitializeAsync() => Tables = await OpenEmptyAsync();

    public virtual Task DisposeAsync() => Task.CompletedTask;

    private ITable Table => Tables["Things"];

    [Fact]
    public async Task A_table_that_was_never_written_to_is_empty()
    {
        Assert.Null(await Table.FindAsync(s_key, default));
        var page = await Table.PageAsync(KeyRange.Everything, 10, null, default);
        Assert.Empty(page.Items);
        Assert.Null(page.After);
    }

    [Fact]
    public async Task Every_type_comes_back_as_it_was()
    {
        var columns = new Columns
        {
            ["Text"] = "naïve \u0001 🚀 '%/",
            ["Empty"] = "",
            ["Long"] = long.MinValue,
            ["Real"] = 0.1,
            ["Flag"] = true,
            ["Time"] = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(1),
            ["Bytes"] = new byte[] { 0, 255, 1 },
        };
        await Table.WriteAsync(Write.Insert(s_key, columns), default);

        var row = await Table.FindAsync(s_key, default);

        Assert.Equal(columns.Count, row!.Columns.Count);
        foreach (var (name, value) in columns) Assert.Equal(value, row.Columns[name]);
    }

    [Fact]
    public async Task An_insert_over_a_row_conflicts_and_changes_nothing()
    {
        await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = "first" }), default);
        await Assert.ThrowsAsync<ConflictException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = "second" }), default));
        Assert.Equal("first", (await Table.FindAsync(s_key, default))!.Columns.Text("A"));
    }

    [Fact]
    public async Task A_merge_keeps_other_columns_and_a_replace_drops_them()
    {
        await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1L, ["B"] = 2L }), default);
        await Table.WriteAsync(Write.Merge(s_key, new Columns { ["B"] = 3L }), default);
        Assert.Equal((1L, 3L), ((await Table.FindAsync(s_key, default))!.Columns.Number("A"), (await Table.FindAsync(s_key, default))!.Columns.Number("B")));
        await Table.WriteAsync(Write.Replace(s_key, new Columns { ["B"] = 4L }), default);
        Assert.Null((await Table.FindAsync(s_key, default))!.Columns.Number("A"));
    }

    [Theory]
    [InlineData(WriteKind.Replace)]
    [InlineData(WriteKind.Merge)]
    [InlineData(WriteKind.Delete)]
    internal async Task A_stale_etag_conflicts(WriteKind kind)
    {
        var etag = await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1L }), default);
        var fresh = await Table.WriteAsync(Write.Replace(s_key, new Columns { ["A"] = 2L }).If(etag), default);
        await Assert.ThrowsAsync<ConflictException>(async () => await Table.WriteAsync(new(kind, s_key, [], etag), default));
        Assert.Equal(2L, (await Table.FindAsync(s_key, default))!.Columns.Number("A"));
        await Table.WriteAsync(new(kind, s_key, [], fresh), default);
    }

    [Fact]
    public async Task An_etag_of_a_row_that_is_gone_conflicts_even_if_the_row_came_back()
    {
        var etag = await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1L }), default);
        await Table.WriteAsync(Write.Delete(s_key), default);
        await Assert.ThrowsAsync<ConflictException>(async () => await Table.WriteAsync(Write.Replace(s_key, []).If(etag), default));
        await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1L }), default);
        await Assert.ThrowsAsync<ConflictException>(async () => await Table.WriteAsync(Write.Replace(s_key, []).If(etag), default));
    }

    [Fact]
    public async Task A_batch_of_every_kind_of_write_is_done_in_order()
    {
        foreach (var row in new[] { "replaced", "merged", "deleted" }) await Table.WriteAsync(Write.Insert(new("p", row), new Columns { ["A"] = 1L, ["B"] = "b" }), default);
        await Table.WriteAllAsync(
            [
                Write.Insert(new("p", "it's 100% 'new'"), new Columns { ["T"] = "naïve\r\n--changeset\r\n🚀" }),
                Write.Replace(new("p", "replaced"), new Columns { ["A"] = 2L }),
                Write.Merge(new("p", "merged"), new Columns { ["A"] = 3L }),
                Write.Delete(new("p", "deleted")),
            ],
            default);
        var rows = (await Table.PageAsync(KeyRange.Partition("p"), 10, null, default)).Items.ToDictionary(row => row.Key.Row, row => row.Columns);
        Assert.Equal(["it's 100% 'new'", "merged", "replaced"], rows.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("naïve\r\n--changeset\r\n🚀", rows["it's 100% 'new'"].Text("T"));
        Assert.Equal((3L, "b", 2L, null), (rows["merged"].Number("A"), rows["merged"].Text("B"), rows["replaced"].Number("A"), rows["replaced"].Text("B")));
    }

    [Fact]
    public async Task The_etag_of_a_page_is_the_etag_of_the_row()
    {
        await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1L }), default);
        var paged = Assert.Single((await Table.PageAsync(KeyRange.Everything, 10, null, default)).Items);
        await Table.WriteAsync(Write.Replace(s_key, new Columns { ["A"] = 2L }).If(paged.Etag), default);
        await Assert.ThrowsAsync<ConflictException>(async () => await Table.WriteAsync(Write.Replace(s_key, []).If(paged.Etag), default));
    }

    [Fact]
    public async Task The_largest_row_and_the_largest_batch_fit()
    {
        var full = new Columns();
        for (var i = 0; i < 15; i++) full["B" + i] = new byte[TableLimits.PropertyBytes - 4];
        await Table.WriteAsync(Write.Insert(s_key, full), default);
        Assert.Equal(15, (await Table.FindAsync(s_key, default))!.Columns.Count);
        var large = new Columns().WithBytes("B", new byte[Chunks.MostInRow]);
        await Table.WriteAllAsync([.. Enumerable.Range(0, 4).Select(i => Write.Replace(new("p", "r" + i), large))], default);
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAllAsync([.. Enumerable.Range(0, 5).Select(i => Write.Replace(new("p", "r" + i), large))], default));
    }

    [Fact]
    public async Task A_range_may_begin_and_end_within_partitions()
    {
        foreach (var key in new Key[] { new("a", "1"), new("a", "2"), new("b", "1"), new("c", "1"), new("c", "2"), new("d", "1") }) await Table.WriteAsync(Write.Insert(key, []), default);
        var page = await Table.PageAsync(new(new("a", "2"), new("c", "2")), 10, null, default);
        Assert.Equal(["a2", "b1", "c1"], page.Items.Select(row => row.Key.Partition + row.Key.Row));
    }

    [Fact]
    public async Task Deleting_what_is_not_there_is_no_failure()
    {
        await Table.WriteAsync(Write.Delete(s_key), default);
        await Table.WriteAllAsync([Write.Delete(s_key), Write.Insert(new("p", "other"), []), Write.Delete(new("p", "nor this"))], default);
        Assert.NotNull(await Table.FindAsync(new("p", "other"), default));
    }

    [Fact]
    public async Task A_batch_with_one_conflict_writes_nothing()
    {
        await Table.WriteAsync(Write.Insert(new("p", "taken"), []), default);
        await Assert.ThrowsAsync<ConflictException>(async () =>
            await Table.WriteAllAsync([Write.Insert(new("p", "free"), []), Write.Insert(new("p", "taken"), [])], default));
        Assert.Null(await Table.FindAsync(new("p", "free"), default));
    }

    [Fact]
    public async Task Keys_sort_by_ordinal_and_a_pages_token_resumes_exactly()
    {
        string[] rows = ["-", ".", "0", "9", "A", "Z", "_", "a", "z", "~"];
        foreach (var row in rows.Reverse()) await Table.WriteAsync(Write.Insert(new("p", row), []), default);
        await Table.WriteAsync(Write.Insert(new("q", "0"), []), default);

        var read = new List<string>();
        string? after = null;
        do
        {
            var page = await Table.PageAsync(KeyRange.Partition("p"), 3, after, default);
            Assert.InRange(page.Items.Count, 0, 3);
            read.AddRange(page.Items.Select(row => row.Key.Row));
            after = page.After;
        }
        while (after is not null);

        Assert.Equal(rows, read);
    }

    [Fact]
    public async Task A_range_holds_its_start_and_not_its_end()
    {
        foreach (var row in new[] { "a", "b", "c" }) await Table.WriteAsync(Write.Insert(new("p", row), []), default);
        var page = await Table.PageAsync(KeyRange.Rows("p", "a", "c"), 10, null, default);
        Assert.Equal(["a", "b"], page.Items.Select(row => row.Key.Row));
    }

    [Fact]
    public async Task Everything_spans_partitions()
    {
        await Table.WriteAsync(Write.Insert(new("a", "z"), []), default);
        await Table.WriteAsync(Write.Insert(new("b", "a"), []), default);
        Assert.Equal(2, (await Table.PageAsync(KeyRange.Everything, 10, null, default)).Items.Count);
        Assert.Single((await Table.PageAsync(KeyRange.Partitions("a", "b"), 10, null, default)).Items);
    }

    [Fact]
    public async Task What_table_storage_would_refuse_is_refused()
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(new("p", "a/b"), []), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(new("p", new string('k', 513)), []), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = new byte[65 << 10] }), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = new string('x', 33 << 10) }), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = 1 }), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["a b"] = 1L }), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, new Columns { ["A"] = DateTimeOffset.MinValue }), default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAllAsync([.. Enumerable.Range(0, 101).Select(i => Write.Insert(new("p", "r" + i), []))], default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAllAsync([Write.Insert(new("p", "a"), []), Write.Insert(new("q", "a"), [])], default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAllAsync([Write.Insert(s_key, []), Write.Delete(s_key)], default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAllAsync([], default));

        var wide = new Columns();
        for (var i = 0; i < 17; i++) wide["B" + i] = new byte[64_000];
        await Assert.ThrowsAsync<ArgumentException>(async () => await Table.WriteAsync(Write.Insert(s_key, wide), default));
        Assert.Null(await Table.FindAsync(s_key, default));
    }

    [Fact]
    public async Task Any_text_can_be_part_of_a_key()
    {
        foreach (var text in new[] { "pack/a/b", "100%", "it's", "a b", "Ωμέγα 🚀", "", "~", "#?\\" })
        {
            await Table.WriteAsync(Write.Insert(new("p", KeyText.Of(text)), new Columns { ["Text"] = text }), default);
            var row = await Table.FindAsync(new("p", KeyText.Of(text)), default);
            Assert.Equal(text, row!.Columns.Text("Text"));
            Assert.Equal(text, KeyText.Read(row.Key.Row));
        }
    }

    [Fact]
    public async Task Many_writers_of_one_row_lose_none_of_their_increments()
    {
        await Table.WriteAsync(Write.Insert(s_key, new Columns { ["N"] = 0L }), default);
        await Parallel.ForEachAsync(Enumerable.Range(0, 40), async (_, ct) =>
        {
            for (; ; )
            {
                var row = await Table.FindAsync(s_key, ct);
                try
                {
                    await Table.WriteAsync(Write.Replace(s_key, new Columns { ["N"] = row!.Columns.Number("N")!.Value + 1 }).If(row.Etag), ct);
                    return;
                }
                catch (ConflictException)
                {
                    // Again.
                }
            }
        });
        Assert.Equal(40L, (await Table.FindAsync(s_key, default))!.Columns.Number("N"));
    }

    [Fact]
    public async Task Tables_are_listed_by_prefix_and_a_dropped_one_can_be_written_again()
    {
        await Tables["Results202601"].WriteAsync(Write.Insert(s_key, []), default);
        await Tables["Results202602"].WriteAsync(Write.Insert(s_key, []), default);
        await Tables["Other"].WriteAsync(Write.Insert(s_key, []), default);
        Assert.Equal(["Results202601", "Results202602"], await Tables.ListAsync("Results", default));

        await Tables.DropAsync("Results202601", default);
        await Tables.DropAsync("Results202601", default);
        Assert.Equal(["Results202602"], await Tables.ListAsync("Results", default));
        Assert.Null(await Tables["Results202601"].FindAsync(s_key, default));
        await Tables["Results202601"].WriteAsync(Write.Insert(s_key, []), default);
        Assert.NotNull(await Tables["Results202601"].FindAsync(s_key, default));
    }

    [Fact]
    public async Task A_call_that_is_cancelled_stops()
    {
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Table.FindAsync(s_key, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Table.WriteAsync(Write.Insert(s_key, []), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Table.PageAsync(KeyRange.Everything, 1, null, cancelled));
        Assert.Null(await Table.FindAsync(s_key, default));
    }
}

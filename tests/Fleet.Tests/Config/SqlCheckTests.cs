using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Config;

public sealed class SqlCheckTests
{
    private static readonly SqlCheck s_check = new(OsquerySchema.Bundled, [ExtraTables.OfDdl("CREATE TABLE ext_t(a TEXT)")], [], Limits.Default);

    [Theory]
    [InlineData("select * from users", "users", "darwin linux windows")]
    [InlineData("SELECT u.username FROM users u JOIN processes p USING (uid);", "processes users", "darwin linux windows")]
    [InlineData("select * from launchd", "launchd", "darwin")]
    [InlineData("select * from deb_packages d, registry r", "deb_packages registry", "")]
    [InlineData("with a as (select pid from processes) select * from a", "processes", "darwin linux windows")]
    [InlineData("select 1", "", "darwin linux windows")]
    [InlineData("select count(*) from users", "users", "darwin linux windows")]
    [InlineData("select pid_with_namespace from processes where path REGEXP '.*x'", null, null)]
    [InlineData("select pid_with_namespace from users", "users", "linux")]
    [InlineData("select * from users; select * from launchd", "launchd users", "darwin")]
    [InlineData("pragma table_info(users)", "", "darwin linux windows")]
    [InlineData("select name from pragma_table_info('users')", "", "darwin linux windows")]
    [InlineData("select e.value->>'_name' from system_profiler p, json_each(p.value->'[0]') e", "system_profiler", "darwin")]
    [InlineData("select t.value from prefetch p, json_tree(p.accessed_files) t", "prefetch", "windows")]
    [InlineData("select uid from users where uid is distinct from 1 and gid is not distinct from 2", "users", "darwin linux windows")]
    [InlineData("\uFEFFselect 1", "", "darwin linux windows")]
    [InlineData("select pid, cwd from bpf_process_events", "bpf_process_events", "linux")]
    [InlineData("select s.*, username from bpf_socket_events s join users using (uid)", "bpf_socket_events users", "linux")]
    [InlineData("select carve(path) from file where path = '/x'", "file", "darwin linux windows")]
    [InlineData("select * from programs_and_features", "programs_and_features", "windows")]
    [InlineData("select split(path, '/', 0), regex_match(name, '(x)', 1), inet_aton('1.2.3.4'), concat_ws(',', 'a', 'b'), sha256(name) from processes", "processes", "darwin linux windows")]
    [InlineData("select name from deb_packages where version > '1.0' collate version_dpkg", "deb_packages", "linux")]
    [InlineData("select sqrt(2), in_cidr_block('10.0.0.0/8', address), community_id_v1('a','b',1,2,6) from interface_addresses", "interface_addresses", "darwin linux windows")]
    [InlineData("select data->>'$.a', '->' from windows_events -- -> a comment", "windows_events", "windows")]
    [InlineData("select * from users u full outer join groups g using (gid)", "groups users", "darwin linux windows")]
    [InlineData("select json_extract('{}', '$.a'), unixepoch(), format('%d', 1)", "", "darwin linux windows")]
    [InlineData("select a from ext_t", "ext_t", "darwin linux windows")]
    [InlineData("select 1; -- the end\n ; ", "", "darwin linux windows")]
    public void Statements_that_osquery_takes_are_taken(string sql, string? tables, string? platforms)
    {
        var verdict = s_check.Check(sql);
        Assert.Equal(tables is not null, verdict.Valid);
        if (tables is null) return;
        Assert.Null(verdict.Message);
        Assert.Equal(tables, string.Join(' ', verdict.Tables));
        Assert.Equal(platforms, string.Join(' ', verdict.Platforms));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("  -- nothing", "no statement")]
    [InlineData("select * from proceses", "did you mean processes?")]
    [InlineData("select nme from users", "no such column: nme")]
    [InlineData("select * from", "incomplete input")]
    [InlineData("select frobnicate(1)", "no such function")]
    [InlineData("select 1; drop table users", "only read")]
    [InlineData("select 1; select", "incomplete input")]
    [InlineData("select * from temp.processes", "no such table: temp.processes")]
    [InlineData("select * from generate_series(1, 3)", "no such table: generate_series")]
    [InlineData("select * from pragma_database_list", "no such table: pragma_database_list")]
    [InlineData("drop table users", "only read")]
    [InlineData("insert into users (uid) values (1)", "only read")]
    [InlineData("delete from users", "only read")]
    [InlineData("create table x (a)", "only read")]
    [InlineData("attach '/tmp/x' as y", "only read")]
    [InlineData("pragma user_version", "only read")]
    [InlineData("begin", "only read")]
    [InlineData("vacuum into '/tmp/x'", "only read")]
    [InlineData("select load_extension('x')", "no such function")]
    [InlineData("select * from sqlite_master; ", null)]
    public void Others_are_refused_in_words(string sql, string? message)
    {
        var verdict = s_check.Check(sql);
        if (message is null) return;
        Assert.False(verdict.Valid);
        Assert.Contains(message, verdict.Message!, StringComparison.Ordinal);
        Assert.True(s_check.Check("select * from users").Valid);
    }

    [Fact]
    public void Nothing_is_ever_run()
    {
        var path = Path.Combine(Path.GetTempPath(), $"fleet-{Guid.NewGuid():N}.db");
        s_check.Check($"attach '{path}' as y");
        s_check.Check($"vacuum into '{path}'");
        Assert.False(File.Exists(path));
        Assert.True(s_check.Check("with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n").Valid);
    }

    [Fact]
    public void Many_threads_may_check_at_once() => Parallel.For(0, 400, i =>
        Assert.Equal(i % 2 == 0, s_check.Check(i % 2 == 0 ? "select uid from users" : "select nothing from users").Valid));

    [Fact]
    public void Tables_and_views_of_a_configuration_are_known_and_bad_definitions_harm_nobody()
    {
        var config = (JsonObject)JsonNode.Parse("""
            {"auto_table_construction":{"tcc":{"query":"select a, b from x","path":"/db","columns":["a","b"],"platform":"darwin"}},
             "views":{"v":"select pid from processes","broken":"select from nowhere ("} }
            """)!;
        var sql = new OsquerySql([], Limits.Default, () => [config], () => []);
        Assert.Equal(["darwin"], sql.Current.Check("select a, path from tcc").Platforms);
        Assert.True(sql.Current.Check("select pid from v").Valid);
        Assert.True(sql.Current.Check("select uid from users").Valid);
    }

    [Theory]
    [InlineData("select 1")]
    [InlineData("select pid from processes")]
    public void A_statement_that_expands_ends_at_its_budget_and_harms_no_other(string first)
    {
        var bomb = $"with c0 as ({first})" + string.Concat(Enumerable.Range(1, 26).Select(i => $", c{i} as (select 1 from c{i - 1} a, c{i - 1} b)")) + " select * from c26";
        var verdict = s_check.Check(bomb);
        Assert.False(verdict.Valid);
        Assert.Contains("too complex", verdict.Message!, StringComparison.Ordinal);
        Assert.True(s_check.Check("select * from users").Valid);
    }

    [Fact]
    public void What_a_view_reads_is_read_by_whoever_reads_the_view_in_any_order_of_definition()
    {
        var config = (JsonObject)JsonNode.Parse("""{"views":{"a":"select * from b","b":"select command from shell_history","c":"select * from d","d":"select * from c"}}""")!;
        var sql = new OsquerySql([], Limits.Default, () => [config], () => []);
        Assert.Equal(["a", "b", "shell_history"], sql.Current.Check("select command from a").Tables);
        Assert.Equal(["darwin", "linux"], sql.Current.Check("select command from a").Platforms.Take(2));
        Assert.False(sql.Current.Check("select * from c").Valid);
    }

    [Theory]
    [InlineData("CREATE TABLE t (a TEXT, b)", "a b")]
    [InlineData("create table if not exists \"t\" ([a] BIGINT NOT NULL, `b` TEXT);", "a b")]
    [InlineData("CREATE TABLE t AS SELECT 1", null)]
    [InlineData("CREATE TABLE t (a TEXT); ATTACH 'x' AS y", null)]
    [InlineData("CREATE TABLE t (a TEXT DEFAULT (1))", null)]
    public void A_table_of_the_settings_is_read_and_never_run(string definition, string? columns)
    {
        if (columns is null) Assert.Throws<FormatException>(() => ExtraTables.OfDdl(definition));
        else Assert.Equal(columns, string.Join(' ', ExtraTables.OfDdl(definition).Columns));
    }

    [Fact]
    public async Task While_statements_expand_the_store_has_all_the_memory_that_it_wants()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        var bomb = "with c0 as (select 1)" + string.Concat(Enumerable.Range(1, 26).Select(i => $", c{i} as (select 1 from c{i - 1} a, c{i - 1} b)")) + " select * from c26";
        var exploding = Task.Run(() =>
        {
            for (var i = 0; i < 10; i++) Assert.False(s_check.Check(bomb).Valid);
        });
        var large = new byte[60_000];
        for (var i = 0; !exploding.IsCompleted || i < 100; i++) await table.WriteAsync(Write.Replace(new("p", "r" + (i % 500)), new Columns { ["a"] = large }), default);
        await exploding;
        Assert.NotEmpty((await table.PageAsync(KeyRange.Everything, 1_000, null, default)).Items);
    }

    public static TheoryData<string, int> Functions() => new()
    {
        { "split", 3 }, { "regex_split", 3 }, { "regex_match", 3 }, { "concat", -1 }, { "concat_ws", -1 }, { "inet_aton", 1 }, { "in_cidr_block", 2 }, { "community_id_v1", -1 },
        { "community_id_v1_strict", -1 }, { "version_compare", 2 }, { "md5", 1 }, { "sha1", 1 }, { "sha256", 1 }, { "to_base64", 1 }, { "from_base64", 1 }, { "conditional_to_base64", 1 },
        { "parent_directory", 1 }, { "find_file_path_in_cmd", -1 }, { "is_path_deterministic", -1 }, { "sleep", 1 }, { "carve", 1 },
        { "sqrt", 1 }, { "log", 1 }, { "log10", 1 }, { "exp", 1 }, { "power", 2 }, { "ceil", 1 }, { "floor", 1 }, { "pi", 0 }, { "degrees", 1 }, { "radians", 1 }, { "sin", 1 }, { "cos", 1 },
        { "tan", 1 }, { "cot", 1 }, { "asin", 1 }, { "acos", 1 }, { "atan", 1 }, { "iif", 3 }, { "instr", 2 }, { "json_error_position", 1 }, { "unixepoch", 0 }, { "sign", 1 },
    };

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_of_osquery_takes_as_many_arguments_as_there(string name, int count)
    {
        Assert.Null(s_check.Check(Call(count < 0 ? 6 : count)).Message);
        if (count > 0 && name != "version_compare") Assert.Contains("wrong number of arguments", s_check.Check(Call(count - 1)).Message, StringComparison.Ordinal);

        string Call(int arguments) => $"select {name}({string.Join(", ", Enumerable.Repeat("'1'", arguments))})";
    }

    [Theory]
    [InlineData("regexp replicate charindex leftstr rightstr reverse proper padl padr padc strfilter difference ssdeep_compare")]
    [InlineData("log2 ln ceiling trunc pow mod square coth atan2 atn2 sinh cosh tanh asinh acosh atanh")]
    [InlineData("timediff octet_length jsonb json_pretty if unistr string_agg stdev variance mode median lower_quartile upper_quartile percentile soundex")]
    public void What_agents_have_not_is_no_function(string names)
    {
        foreach (var name in names.Split(' '))
        {
            foreach (var count in new[] { 1, 2, 3 })
            {
                var verdict = s_check.Check($"select {name}({string.Join(", ", Enumerable.Repeat("'1'", count))})");
                Assert.False(verdict.Valid, name);
                Assert.True(verdict.Message!.Contains("no such function", StringComparison.Ordinal) || verdict.Message.Contains("wrong number", StringComparison.Ordinal), verdict.Message);
            }
        }
    }

    [Theory]
    [InlineData("select * from bpf_process_events", "4.6.0")]
    [InlineData("select * from hash where path = '/x'", null)]
    [InlineData("select pid_with_namespace from hash where path = '/x'", "4.4.0")]
    [InlineData("select 'pid_with_namespace' from hash -- pid_with_namespace", null)]
    [InlineData("select * from hash h join bpf_process_events b using (path)", "4.6.0")]
    public void From_which_version_it_runs_is_known(string sql, string? since)
    {
        var verdict = s_check.Check(sql);
        Assert.True(verdict.Valid, verdict.Message);
        Assert.Equal(since, verdict.Since);
        Assert.Null(verdict.Until);
    }

    [Theory]
    [InlineData("select name from opera_extensions", "4.6.0", "opera_extensions ended with osquery 4.6.0.")]
    [InlineData("select * from kernel_integrity", "4.1.0", "kernel_integrity ended with osquery 4.1.0.")]
    [InlineData("select ssdeep from hash where path = '/x'", "5.2.2", "hash.ssdeep ended with osquery 5.2.2.")]
    [InlineData("select h.ssdeep, o.name from hash h join opera_extensions o using (path)", "4.6.0", "hash.ssdeep ended with osquery 5.2.2. opera_extensions ended with osquery 4.6.0.")]
    public void What_ended_is_named_with_its_version(string sql, string until, string message)
    {
        var verdict = s_check.Check(sql);
        Assert.False(verdict.Valid);
        Assert.Equal((until, message), (verdict.Until, verdict.Message));
    }

    [Fact]
    public void A_query_may_be_as_long_as_agents_take()
    {
        var sql = $"select * from processes where name not in ({string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"'program{i:00000}'"))})";
        Assert.Null(s_check.Check(sql).Message);
    }

    [Fact]
    public void Several_statements_are_counted() => Assert.Equal(2, s_check.Check("select 1; -- one\n select 2;").Statements);
}

using BenchmarkDotNet.Running;
using Fleet.Benchmarks;

switch (args.FirstOrDefault())
{
    case "load":
        await LoadBench.RunAsync([.. args.Skip(1)]);
        break;
    case "hostile":
        await HostileBench.RunAsync([.. args.Skip(1)]);
        break;
    case "memory":
        await MemoryBench.RunAsync();
        break;
    case "costs":
        await CostTable.RunAsync();
        break;
    case "backtest":
        await BackTestBench.RunAsync([.. args.Skip(1)]);
        break;
    case "pages":
        await PagesBench.RunAsync([.. args.Skip(1)]);
        break;
    case "start":
        await StartBench.RunAsync();
        break;
    case "kills":
        await KillsBench.RunAsync([.. args.Skip(1)]);
        break;
    case "instance":
        await InstanceBench.RunAsync([.. args.Skip(1)]);
        break;
    case "bare":
        await BareServer.RunAsync(args[1], args[2], args[3]);
        break;
    case "micro":
        BenchmarkSwitcher.FromAssembly(typeof(LogParse).Assembly).Run([.. args.Skip(1)]);
        break;
    default:
        Console.WriteLine("micro [BenchmarkDotNet's arguments] | load [seconds] | hostile [seconds [slow connections [bombs]]] | memory | costs | start | kills [times [agents]] | instance [agents] | backtest [lines] | pages [rows]");
        break;
}

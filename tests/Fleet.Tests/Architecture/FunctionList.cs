using System.Reflection;
using System.Text.RegularExpressions;
using Fleet.Functions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Fleet.Tests.Architecture;

/// <summary>A function that Azure runs.</summary>
/// <param name="Trigger">What wakes it.</param>
internal sealed record FunctionEntry(string Name, MethodInfo Method, TriggerBindingAttribute Trigger);

/// <summary>The functions of the assembly that is published.</summary>
internal static partial class FunctionList
{
    public static IReadOnlyList<FunctionEntry> All { get; } =
    [
        .. from type in typeof(FleetApp).Assembly.GetTypes()
           from method in type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
           let function = method.GetCustomAttribute<FunctionAttribute>()
           where function is not null
           orderby function.Name
           select new FunctionEntry(function.Name, method, method.GetParameters().Select(parameter => parameter.GetCustomAttribute<TriggerBindingAttribute>()).Single(trigger => trigger is not null)!),
    ];

    /// <summary>The app settings that triggers name between % signs.</summary>
    public static IEnumerable<string> Settings => Texts.SelectMany(text => Percent().Matches(text)).Select(match => match.Groups[1].Value).Distinct();

    /// <summary>The prefixes of the settings of connections.</summary>
    public static IEnumerable<string> Connections => All.Select(function => function.Trigger.GetType().GetProperty("Connection")?.GetValue(function.Trigger)).OfType<string>().Distinct();

    private static IEnumerable<string> Texts =>
        from function in All
        from property in function.Trigger.GetType().GetProperties()
        where property.PropertyType == typeof(string)
        select property.GetValue(function.Trigger) as string into text
        where text is not null
        select text;

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex Percent();
}

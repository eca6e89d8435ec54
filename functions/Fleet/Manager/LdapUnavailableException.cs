namespace Fleet.Manager;

/// <summary>The directory could not be asked: nobody knows whether the password was right.</summary>
internal sealed class LdapUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

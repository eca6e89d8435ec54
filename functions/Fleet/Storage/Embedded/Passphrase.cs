using System.Security.Cryptography;
using System.Text.Json;

namespace Fleet.Storage.Embedded;

/// <summary>Files that are locked with a passphrase.</summary>
/// <param name="Iterations">Of PBKDF2 with SHA-256.</param>
/// <param name="Data">Encrypted with AES-256-GCM.</param>
internal sealed record LockedFiles(int Iterations, byte[] Salt, byte[] Nonce, byte[] Tag, byte[] Data);

/// <summary>Locks a backup's secrets. Without the passphrase they cannot be read, and a change of them is noticed.</summary>
internal static class Passphrase
{
    public const string FileName = "secrets.locked.json";

    /// <summary>What OWASP asks of PBKDF2 with SHA-256.</summary>
    private const int Iterations = 600_000;

    /// <summary>More than anybody has: a file must not choose how long it is worked on.</summary>
    private const int MostIterations = 10_000_000;

    public static byte[] Lock(Dictionary<string, byte[]> files, string passphrase)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(files, BackupJson.Default.DictionaryStringByteArray);
        var locked = new LockedFiles(Iterations, RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(AesGcm.NonceByteSizes.MaxSize), new byte[AesGcm.TagByteSizes.MaxSize], new byte[plain.Length]);
        using var aes = Cipher(locked, passphrase);
        aes.Encrypt(locked.Nonce, plain, locked.Data, locked.Tag);
        CryptographicOperations.ZeroMemory(plain);
        return JsonSerializer.SerializeToUtf8Bytes(locked, BackupJson.Default.LockedFiles);
    }

    /// <exception cref="InvalidDataException">The passphrase is another one, or the file was changed.</exception>
    public static Dictionary<string, byte[]> Unlock(byte[] file, string passphrase)
    {
        try
        {
            var locked = JsonSerializer.Deserialize(file, BackupJson.Default.LockedFiles)!;
            if (locked.Iterations is < 1 or > MostIterations) throw new InvalidDataException("The backup's secrets were not locked by Fleet.");
            var plain = new byte[locked.Data.Length];
            using var aes = Cipher(locked, passphrase);
            aes.Decrypt(locked.Nonce, locked.Data, locked.Tag, plain);
            return JsonSerializer.Deserialize(plain, BackupJson.Default.DictionaryStringByteArray)!;
        }
        catch (AuthenticationTagMismatchException fault)
        {
            throw new InvalidDataException("The passphrase is wrong, or the backup's secrets were changed.", fault);
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or CryptographicException)
        {
            throw new InvalidDataException($"The backup's secrets cannot be read: {fault.Message}", fault);
        }
    }

    private static AesGcm Cipher(LockedFiles locked, string passphrase) =>
        new(Rfc2898DeriveBytes.Pbkdf2(passphrase, locked.Salt, locked.Iterations, HashAlgorithmName.SHA256, 32), AesGcm.TagByteSizes.MaxSize);
}

namespace Selm.Research.Runs;

/// <summary>
/// The LoRA adapter of a recipe: the base model stays as it is, and low-rank corrections of its linear layers are trained. In iteration 0 it starts
/// at zero (A random, B zero) or from <see cref="Path"/>; later iterations go on from the adapter of the one before.
/// </summary>
public sealed record AdapterRecipe
{
    /// <summary>r; 16 where nothing is given.</summary>
    public int? Rank { get; init; }

    /// <summary>lora_alpha; twice the rank where nothing is given.</summary>
    public double? Alpha { get; init; }

    /// <summary>Whether the scaling is alpha / sqrt(rank) rather than alpha / rank.</summary>
    public bool? Rslora { get; init; }

    /// <summary>Names of the linear layers, such as [q_proj, v_proj], or all-linear, which is also meant where nothing is given.</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Folder of an adapter in PEFT's format to start from; its files say the rest.</summary>
    public string? Path { get; init; }

    /// <summary>The first of the keys above that was given beside <see cref="Path"/>, or null.</summary>
    internal string? Beside => Rank is not null ? "rank" : Alpha is not null ? "alpha" : Rslora is not null ? "rslora" : TargetModules.Count > 0 ? "target_modules" : null;
}

#pragma once

#include <string_view>
#include <vector>

#include <luban/surrogate/export.hpp>

namespace luban::surrogate {

/// Instruction sets that the hot loops (exponentials, covariances, dense products) are compiled for.
enum class SimdLevel { baseline, avx2, avx512 };

[[nodiscard]] LUBAN_SURROGATE_EXPORT std::string_view name(SimdLevel level) noexcept;

/// Levels that this build and this machine can run, ascending; baseline is always there.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::vector<SimdLevel> available_simd_levels();

/// The level in use: the best available one, or the one that the environment variable LUBAN_SIMD names, read once.
/// Results are equal to the bit for one level and agree to rounding between levels.
/// @throws ConfigurationError when LUBAN_SIMD names no level or one that this machine cannot run.
[[nodiscard]] LUBAN_SURROGATE_EXPORT SimdLevel simd_level();

}  // namespace luban::surrogate

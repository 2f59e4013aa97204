#include <luban/surrogate/simd.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate {

namespace detail {

extern const SimdTable simd_table_baseline;
#ifdef LUBAN_SIMD_X86
extern const SimdTable simd_table_avx2;
extern const SimdTable simd_table_avx512;
#endif

namespace {

const SimdTable* table_or_null(SimdLevel level) {
#ifdef LUBAN_SIMD_X86
  if (level == SimdLevel::avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return &simd_table_avx2;
  }
  if (level == SimdLevel::avx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    return &simd_table_avx512;
  }
#endif
  return level == SimdLevel::baseline ? &simd_table_baseline : nullptr;
}

[[noreturn]] void refuse(const std::string& received) {
  std::string known;
  for (const SimdLevel level : available_simd_levels()) known += (known.empty() ? "" : ", ") + std::string(name(level));
  throw core::ConfigurationError({.where = "surrogate.simd_level",
                                  .expected = "one of " + known,
                                  .received = "\"" + received + "\"",
                                  .place = "environment variable LUBAN_SIMD",
                                  .hint = "leave LUBAN_SIMD unset to use the best this machine runs"});
}

const SimdTable& choose() {
  const std::vector<SimdLevel> levels = available_simd_levels();
  const char* wanted = std::getenv("LUBAN_SIMD");
  if (wanted == nullptr || *wanted == '\0') return *table_or_null(levels.back());
  const auto found = std::find_if(levels.begin(), levels.end(), [&](SimdLevel level) { return name(level) == wanted; });
  if (found == levels.end()) refuse(wanted);
  return *table_or_null(*found);
}

}  // namespace

const SimdTable& simd_table(SimdLevel level) {
  const SimdTable* found = table_or_null(level);
  if (found == nullptr) refuse(std::string(name(level)));
  return *found;
}

const SimdTable& simd_table() {
  static const SimdTable& chosen = choose();
  return chosen;
}

}  // namespace detail

std::string_view name(SimdLevel level) noexcept {
  switch (level) {
    case SimdLevel::avx2:
      return "avx2";
    case SimdLevel::avx512:
      return "avx512";
    case SimdLevel::baseline:
      break;
  }
  return "baseline";
}

std::vector<SimdLevel> available_simd_levels() {
  std::vector<SimdLevel> out;
  for (const SimdLevel level : {SimdLevel::baseline, SimdLevel::avx2, SimdLevel::avx512}) {
    if (detail::table_or_null(level) != nullptr) out.push_back(level);
  }
  return out;
}

SimdLevel simd_level() {
  return detail::simd_table().level;
}

}  // namespace luban::surrogate

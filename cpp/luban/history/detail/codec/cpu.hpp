#pragma once

namespace luban::history::detail {

/// Vector instructions of this machine that the fast paths use. Elsewhere than on x86-64 there are none.
enum class Simd { none, avx2 };

/// What this machine offers; asked once.
[[nodiscard]] inline Simd simd_here() noexcept {
#if defined(__x86_64__)
  static const Simd found = __builtin_cpu_supports("avx2") ? Simd::avx2 : Simd::none;
  return found;
#else
  return Simd::none;
#endif
}

}  // namespace luban::history::detail

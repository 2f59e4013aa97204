#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include <luban/core/export.hpp>

namespace luban::core {

/// xoshiro256++ (Blackman and Vigna 2021), a UniformRandomBitGenerator whose draws are the same on every platform.
class LUBAN_CORE_EXPORT Generator {
 public:
  using result_type = std::uint64_t;
  explicit Generator(std::uint64_t seed);

  [[nodiscard]] static constexpr result_type min() { return 0; }
  [[nodiscard]] static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

  double uniform();                      ///< [0, 1), 53 bits
  double normal();                       ///< standard normal (Box and Muller)
  std::uint64_t below(std::uint64_t n);  ///< 0 … n-1 without bias; n ≥ 1

 private:
  std::array<std::uint64_t, 4> state_{};
  double spare_ = 0.0;
  bool has_spare_ = false;
};

/// An explicit source of randomness that is passed in, never global. Children by name or number are independent
/// streams, so that the order in which tasks run cannot change a result.
class LUBAN_CORE_EXPORT RandomKey {
 public:
  explicit RandomKey(std::uint64_t seed) noexcept : value_(seed) {}
  [[nodiscard]] RandomKey child(std::uint64_t index) const noexcept;
  [[nodiscard]] RandomKey child(std::string_view name) const noexcept;
  [[nodiscard]] Generator generator() const { return Generator(value_); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_;
};

}  // namespace luban::core

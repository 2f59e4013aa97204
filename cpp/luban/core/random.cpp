#include <luban/core/random.hpp>

#include <bit>
#include <cmath>
#include <numbers>

namespace luban::core {
namespace {

/// SplitMix64 (Steele, Lea and Flood 2014): a bijective mix, used to seed and to derive children.
std::uint64_t split_mix(std::uint64_t& state) noexcept {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t state = a;
  state = split_mix(state) ^ b;
  return split_mix(state);
}

}  // namespace

Generator::Generator(std::uint64_t seed) {
  for (auto& word : state_) {
    word = split_mix(seed);
  }
}

Generator::result_type Generator::operator()() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Generator::uniform() {
  return static_cast<double>((*this)() >> 11) * 0x1.0p-53;
}

double Generator::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::uint64_t Generator::below(std::uint64_t n) {
  // Rejection keeps every value equally likely.
  const std::uint64_t limit = max() - max() % n;
  std::uint64_t draw = (*this)();
  while (draw >= limit) {
    draw = (*this)();
  }
  return draw % n;
}

RandomKey RandomKey::child(std::uint64_t index) const noexcept {
  return RandomKey(mix(value_, index));
}

RandomKey RandomKey::child(std::string_view name) const noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  // A bit that no index is likely to have keeps child("…") apart from child(number).
  return RandomKey(mix(value_ ^ 0xA5A5A5A5A5A5A5A5ULL, hash));
}

}  // namespace luban::core

#include <luban/recommend/sobol.hpp>

#include <bit>
#include <string>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/joe_kuo.hpp>

namespace luban::recommend {
namespace {

constexpr int bits = 32;

std::uint32_t reverse(std::uint32_t x) {
  x = ((x >> 1U) & 0x55555555U) | ((x & 0x55555555U) << 1U);
  x = ((x >> 2U) & 0x33333333U) | ((x & 0x33333333U) << 2U);
  x = ((x >> 4U) & 0x0F0F0F0FU) | ((x & 0x0F0F0F0FU) << 4U);
  x = ((x >> 8U) & 0x00FF00FFU) | ((x & 0x00FF00FFU) << 8U);
  return (x >> 16U) | (x << 16U);
}

/// Owen's nested uniform scrambling: each bit is flipped by a hash of the bits above it. On the reversed number a carry
/// only runs upwards, so additions and odd or even multiplications of this shape do exactly that.
std::uint32_t scramble(std::uint32_t x, std::uint32_t seed) {
  x = reverse(x);
  x ^= x * 0x3D20ADEAU;
  x += seed;
  x *= (seed >> 16U) | 1U;
  x ^= x * 0x05526C56U;
  x ^= x * 0x53A22864U;
  return reverse(x);
}

void fill_directions(const detail::SobolDimension& dimension, std::uint32_t* v) {
  const int degree = std::bit_width(dimension.polynomial) - 1;
  for (int k = 0; k < degree && k < bits; ++k) v[k] = dimension.initial[k] << (bits - 1 - k);
  for (int k = degree; k < bits; ++k) {
    v[k] = v[k - degree] ^ (v[k - degree] >> degree);
    for (int j = 1; j < degree; ++j) {
      if ((dimension.polynomial >> (degree - j)) & 1U) v[k] ^= v[k - j];
    }
  }
}

}  // namespace

Sobol::Sobol(int dimensions, core::RandomKey key) {
  if (dimensions < 1 || dimensions > most_dimensions) {
    throw core::ConfigurationError({.where = "recommend.sobol",
                                    .expected = "1 to " + std::to_string(most_dimensions) + " dimensions",
                                    .received = std::to_string(dimensions),
                                    .place = {},
                                    .hint = "fix the parameters that are not to be searched"});
  }
  directions_.resize(static_cast<std::size_t>(dimensions) * bits);
  seeds_.resize(dimensions);
  for (int j = 0; j < dimensions; ++j) {
    std::uint32_t* v = directions_.data() + static_cast<std::size_t>(j) * bits;
    if (j == 0) {
      for (int k = 0; k < bits; ++k) v[k] = 1U << (bits - 1 - k);
    } else {
      fill_directions(detail::joe_kuo[j - 1], v);
    }
    seeds_[j] = static_cast<std::uint32_t>(key.child("scramble").child(static_cast<std::uint64_t>(j)).generator()());
  }
}

Eigen::MatrixXd Sobol::points(std::uint32_t first, Eigen::Index count) const {
  Eigen::MatrixXd result(count, static_cast<Eigen::Index>(seeds_.size()));
  for (Eigen::Index j = 0; j < result.cols(); ++j) {
    const std::uint32_t* v = directions_.data() + static_cast<std::size_t>(j) * bits;
    for (Eigen::Index i = 0; i < count; ++i) {
      const std::uint32_t index = first + static_cast<std::uint32_t>(i);
      std::uint32_t gray = index ^ (index >> 1U);
      std::uint32_t x = 0;
      for (; gray != 0; gray &= gray - 1U) x ^= v[std::countr_zero(gray)];
      result(i, j) = (scramble(x, seeds_[j]) + 0.5) * 0x1p-32;
    }
  }
  return result;
}

}  // namespace luban::recommend

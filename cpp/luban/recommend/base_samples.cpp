#include <luban/recommend/base_samples.hpp>

#include <algorithm>
#include <numeric>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/normal.hpp>
#include <luban/recommend/sobol.hpp>

namespace luban::recommend {
namespace {

/// (samples, dimensions) standard normal.
Eigen::MatrixXd normal_points(Eigen::Index dimensions, Eigen::Index samples, core::RandomKey key) {
  Eigen::MatrixXd out(samples, dimensions);
  for (Eigen::Index first = 0; first < dimensions; first += Sobol::most_dimensions) {
    const Eigen::Index width = std::min<Eigen::Index>(Sobol::most_dimensions, dimensions - first);
    const core::RandomKey own = key.child(static_cast<std::uint64_t>(first));
    const Eigen::MatrixXd unit = Sobol(static_cast<int>(width), own).points(0, samples);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(samples));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    if (first > 0) {
      core::Generator generator = own.child("order").generator();
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[generator.below(i)]);
    }
    out.middleCols(first, width) = unit(order, Eigen::all).unaryExpr([](double p) { return core::normal_quantile(p); });
  }
  return out;
}

}  // namespace

BaseSamples BaseSamples::draw(Eigen::Index responses, Eigen::Index q, Eigen::Index b, Eigen::Index samples,
                              core::RandomKey key) {
  if (q < 1 || b < 0 || responses < 1 || samples < 1 || samples > 1'000'000) {
    throw core::ConfigurationError({.where = "recommend.base_samples",
                                    .expected = "at least one point and response, 1 to 1e6 samples",
                                    .received = std::to_string(q) + " points, " + std::to_string(responses) +
                                                " responses, " + std::to_string(samples) + " samples",
                                    .place = {},
                                    .hint = {}});
  }
  const Eigen::MatrixXd normal = normal_points(responses * (q + b), samples, key);
  BaseSamples out;
  for (Eigen::Index r = 0; r < responses; ++r) {
    out.points.emplace_back(normal.middleCols(r * q, q).transpose());
    out.fixed.emplace_back(normal.middleCols(responses * q + r * b, b).transpose());
  }
  return out;
}

}  // namespace luban::recommend

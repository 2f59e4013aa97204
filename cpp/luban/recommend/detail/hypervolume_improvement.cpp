#include <luban/recommend/detail/hypervolume_improvement.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/hypervolume_kernel.hpp>
#include <luban/surrogate/simd.hpp>

namespace luban::recommend {
namespace {

using detail::HypervolumeSample;
using detail::kernel_boxes;

static_assert(LogHypervolumeImprovement::most_points == detail::kernel_points);
static_assert(BoxDecomposition::most_objectives == detail::kernel_sides);

std::string shape(Eigen::Index rows, Eigen::Index columns) {
  return "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
}

[[noreturn]] void refuse_data(const std::string& expected, const std::string& received) {
  throw core::DataError({.where = "recommend.hypervolume_improvement",
                         .expected = expected,
                         .received = received,
                         .place = {},
                         .hint = {}});
}

[[noreturn]] void refuse_option(const std::string& expected, const std::string& received) {
  throw core::ConfigurationError({.where = "recommend.hypervolume_improvement",
                                  .expected = expected,
                                  .received = received,
                                  .place = {},
                                  .hint = {}});
}

void check_points(Eigen::Index q) {
  constexpr Eigen::Index most = LogHypervolumeImprovement::most_points;
  if (q < 1 || q > most) refuse_option("1 to " + std::to_string(most) + " points", std::to_string(q));
}

void check_temperatures(const HypervolumeImprovementOptions& options) {
  constexpr double most = 0.02;  // the range of the kernel's exponential
  if (!(options.relu_temperature > 0.0) || !std::isfinite(options.relu_temperature)) {
    refuse_option("a relu_temperature above 0", std::to_string(options.relu_temperature));
  }
  if (!(options.max_temperature > 0.0) || options.max_temperature > most) {
    refuse_option("a max_temperature above 0 and up to 0.02", std::to_string(options.max_temperature));
  }
}

/// Boxes in blocks as the kernel reads them.
void append_blocks(const BoxDecomposition& boxes, std::vector<double>& sides) {
  const auto m = static_cast<std::size_t>(boxes.objectives());
  for (Eigen::Index first = 0; first < boxes.size(); first += kernel_boxes) {
    const std::size_t start = sides.size();
    sides.resize(start + detail::block_size(m));
    double* const block = sides.data() + start;
    for (std::size_t b = 0; b < kernel_boxes; ++b) {
      const Eigen::Index box = std::min(first + static_cast<Eigen::Index>(b), boxes.size() - 1);
      block[b] = first + static_cast<Eigen::Index>(b) < boxes.size() ? 1.0 : 0.0;
      for (std::size_t j = 0; j < m; ++j) {
        const double lower = boxes.lower()(box, static_cast<Eigen::Index>(j));
        block[kernel_boxes * (1 + 2 * j) + b] = lower;
        block[kernel_boxes * (2 + 2 * j) + b] = boxes.upper()(box, static_cast<Eigen::Index>(j)) - lower;
      }
    }
  }
}

/// Signs of inclusion and exclusion times the product of the points' weights; the greatest weight of one point is taken
/// out of all of them. @return the logarithm of what was taken out.
double set_factors(const double* log_feasibility, HypervolumeSample& sample) {
  const std::size_t end = std::size_t{1} << sample.points;
  double greatest = 0.0;
  double weight[detail::kernel_points];
  if (log_feasibility != nullptr) {
    greatest = *std::max_element(log_feasibility, log_feasibility + sample.points);
    for (std::size_t i = 0; i < sample.points; ++i) weight[i] = std::exp(log_feasibility[i] - greatest);
  } else {
    std::fill_n(weight, sample.points, 1.0);
  }
  const double again = std::exp(greatest);  // in a subset of several points the greatest counts once more for each
  for (std::size_t subset = 1; subset < end; ++subset) {
    const std::size_t rest = subset & (subset - 1);
    const auto i = static_cast<std::size_t>(std::countr_zero(subset));
    sample.factor[subset] = rest == 0 ? weight[i] : -sample.factor[rest] * weight[i] * again;
  }
  return greatest;
}

/// Sets order and scale of a sample whose utilities are set. @return the logarithm of the product of the scales.
double set_scales(const std::vector<double>& least, HypervolumeSample& sample) {
  double log_scale = 0.0;
  for (std::size_t j = 0; j < sample.objectives; ++j) {
    std::size_t* const order = sample.order[j];
    std::iota(order, order + sample.points, std::size_t{0});
    std::sort(order, order + sample.points,
              [&](std::size_t a, std::size_t b) { return sample.utilities[a][j] < sample.utilities[b][j]; });
    const double highest = sample.utilities[order[sample.points - 1]][j];
    sample.scale[j] = detail::fat_length(highest - least[j], sample.relu_temperature).value;
    log_scale += std::log(sample.scale[j]);
  }
  return log_scale;
}

}  // namespace

double hypervolume_improvement(const BoxDecomposition& boxes, const Eigen::MatrixXd& utilities) {
  check_points(utilities.rows());
  if (utilities.cols() != boxes.objectives() || !utilities.allFinite()) {
    refuse_data("finite utilities of " + std::to_string(boxes.objectives()) + " objectives",
                shape(utilities.rows(), utilities.cols()));
  }
  double sum = 0.0;
  for (std::uint32_t subset = 1; subset < (1U << static_cast<std::uint32_t>(utilities.rows())); ++subset) {
    Eigen::RowVectorXd common = Eigen::RowVectorXd::Constant(utilities.cols(), std::numeric_limits<double>::infinity());
    for (Eigen::Index i = 0; i < utilities.rows(); ++i) {
      if ((subset >> static_cast<std::uint32_t>(i)) & 1U) common = common.cwiseMin(utilities.row(i));
    }
    double volume = 0.0;
    for (Eigen::Index b = 0; b < boxes.size(); ++b) {
      volume += (common.cwiseMin(boxes.upper().row(b)) - boxes.lower().row(b)).cwiseMax(0.0).prod();
    }
    sum += std::popcount(subset) % 2 == 1 ? volume : -volume;
  }
  return sum;
}

LogHypervolumeImprovement::LogHypervolumeImprovement(const std::vector<BoxDecomposition>& boxes, Eigen::Index q,
                                                     HypervolumeImprovementOptions options)
    : q_(q), objectives_(boxes.empty() ? 0 : boxes.front().objectives()), options_(options) {
  check_points(q);
  check_temperatures(options);
  if (boxes.empty()) refuse_option("boxes of at least one set", "none");
  for (const BoxDecomposition& set : boxes) {
    if (set.objectives() != objectives_) {
      refuse_option("sets of " + std::to_string(objectives_) + " objectives", std::to_string(set.objectives()));
    }
    Blocks blocks;
    blocks.first = sides_.size();
    append_blocks(set, sides_);
    blocks.count = (sides_.size() - blocks.first) / detail::block_size(static_cast<std::size_t>(objectives_));
    for (Eigen::Index j = 0; j < objectives_; ++j) blocks.least.push_back(set.lower().col(j).minCoeff());
    sets_.push_back(std::move(blocks));
  }
}

void LogHypervolumeImprovement::check(const Eigen::Ref<const SampleMatrix>& utilities,
                                      const Eigen::Ref<const SampleMatrix>& log_feasibility) const {
  const Eigen::Index samples = utilities.rows() / q_;
  if (samples == 0 || utilities.rows() % q_ != 0 || utilities.cols() != objectives_ || !utilities.allFinite()) {
    refuse_data("finite utilities (s · " + std::to_string(q_) + ", " + std::to_string(objectives_) + ")",
                shape(utilities.rows(), utilities.cols()));
  }
  const auto sets = static_cast<Eigen::Index>(sets_.size());
  if (sets != 1 && sets != samples) {
    refuse_data("as many samples as sets of boxes, " + std::to_string(sets), std::to_string(samples));
  }
  if (log_feasibility.size() == 0) return;
  if (log_feasibility.rows() != samples || log_feasibility.cols() != q_ || !log_feasibility.allFinite() ||
      log_feasibility.maxCoeff() > 0.0) {
    refuse_data("log feasibilities " + shape(samples, q_) + ", finite and not above 0",
                shape(log_feasibility.rows(), log_feasibility.cols()));
  }
}

double LogHypervolumeImprovement::sum(std::size_t set, bool gradients, HypervolumeSample& sample) const {
  const Blocks& blocks = sets_[set];
  const double* const sides = sides_.data() + blocks.first;
  const double log_scale = set_scales(blocks.least, sample);
  const surrogate::SimdLevel level = surrogate::simd_level();
  detail::sum_boxes(level, sample, sides, blocks.count, gradients, 0);
  const double* const single = std::max_element(sample.alone, sample.alone + sample.points);
  if (sample.total < 0.5 * *single) {
    // Never less than the best point alone, but for rounding and smoothing: then that point is the answer.
    const std::size_t only = std::size_t{1} << static_cast<std::size_t>(single - sample.alone);
    detail::sum_boxes(level, sample, sides, blocks.count, gradients, only);
  }
  return log_scale + std::log(sample.total);
}

SampledLogValue LogHypervolumeImprovement::evaluate(const Eigen::Ref<const SampleMatrix>& utilities, bool gradients,
                                                    const Eigen::Ref<const SampleMatrix>& log_feasibility) const {
  check(utilities, log_feasibility);
  const Eigen::Index samples = utilities.rows() / q_;
  const bool weighted = log_feasibility.size() > 0;
  SampledLogValue result;
  if (gradients) {
    result.gradient.resize(utilities.rows(), objectives_);
    if (weighted) result.feasibility_gradient.resize(samples, q_);
  }
  HypervolumeSample sample{};
  sample.points = static_cast<std::size_t>(q_);
  sample.objectives = static_cast<std::size_t>(objectives_);
  sample.relu_temperature = options_.relu_temperature;
  sample.max_temperature = options_.max_temperature;
  if (!weighted) set_factors(nullptr, sample);
  Eigen::VectorXd logs(samples);
  for (Eigen::Index k = 0; k < samples; ++k) {
    for (Eigen::Index i = 0; i < q_; ++i) {
      for (Eigen::Index j = 0; j < objectives_; ++j) sample.utilities[i][j] = utilities(k * q_ + i, j);
    }
    logs(k) = weighted ? set_factors(log_feasibility.row(k).data(), sample) : 0.0;
    logs(k) += sum(sets_.size() == 1 ? 0 : static_cast<std::size_t>(k), gradients, sample);
    if (!gradients) continue;
    for (Eigen::Index i = 0; i < q_; ++i) {
      for (Eigen::Index j = 0; j < objectives_; ++j) {
        result.gradient(k * q_ + i, j) = sample.gradient[i][j] / sample.total;
      }
      if (weighted) result.feasibility_gradient(k, i) = sample.with[i] / sample.total;
    }
  }
  const double largest = logs.maxCoeff();
  const Eigen::VectorXd weights = (logs.array() - largest).exp();
  result.value = largest + std::log(weights.mean());
  if (!gradients) return result;
  for (Eigen::Index k = 0; k < samples; ++k) {
    const double share = weights(k) / weights.sum();
    result.gradient.middleRows(k * q_, q_) *= share;
    if (weighted) result.feasibility_gradient.row(k) *= share;
  }
  return result;
}

}  // namespace luban::recommend

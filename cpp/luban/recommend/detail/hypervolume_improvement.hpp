#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <luban/recommend/box_decomposition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

namespace detail {
struct HypervolumeSample;
}

/// Volume that the rows of utilities (q, m) add to what the decomposition holds dominated: inclusion and exclusion over
/// the subsets of the rows, box by box, without smoothing (Daulton et al. 2020, arXiv 2006.05078). Exact; the twin of
/// the class below. @throws as LogHypervolumeImprovement.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double hypervolume_improvement(const BoxDecomposition& boxes,
                                                                    const Eigen::MatrixXd& utilities);

struct HypervolumeImprovementOptions {
  /// Temperature of the smooth max(0, utility − lower), in the unit of the utilities: standardise them. > 0.
  double relu_temperature = 1e-6;
  /// Temperature of the smooth least of several side lengths, relative to the lengths. > 0, at most 0.02.
  double max_temperature = 1e-3;
};

/// Row-major numbers: one sample's points stand together.
using SampleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A log mean with its derivatives; these are empty when not asked for.
struct SampledLogValue {
  double value = 0.0;
  SampleMatrix gradient;              ///< (s · q, m) by the utilities
  SampleMatrix feasibility_gradient;  ///< (s, q) by the log feasibilities, when these were given
};

/// log of the mean over posterior samples of the smoothed hypervolume improvement of q points: what qLogEHVI and
/// qLogNEHVI maximise (Daulton et al. 2020 and 2021; Ament et al. 2023, arXiv 2310.20708).
///
/// Each side length is the smooth least of softplus(utility − lower) over a subset's points and of the box's own
/// length, both "fat": their tails fall like powers, so that value and gradient are finite and different from 0 far
/// outside. The least is taken relative to the lengths, which needs no logarithm of them: least · (Σ w(z_i))^−τ, w(z) =
/// 2 / (2 + 2 z + z²), z_i = (length_i / least − 1) / τ.
class LUBAN_RECOMMEND_EXPORT LogHypervolumeImprovement {
 public:
  static constexpr Eigen::Index most_points = 8;

  /// @param boxes of one set for all samples, or of one set per sample (noisy baselines); all of the same objectives.
  /// @throws ConfigurationError on no boxes, objectives that differ, q not in [1, most_points] or a temperature out of
  /// range.
  LogHypervolumeImprovement(const std::vector<BoxDecomposition>& boxes, Eigen::Index q,
                            HypervolumeImprovementOptions options = {});

  /// @param utilities (s · q, m): row k · q + i is point i in sample k; finite.
  /// @param log_feasibility (s, q) of values ≤ 0, or empty: the log of a weight by which a point counts in a sample; a
  /// subset counts by the product. @throws DataError on another shape or values that are not finite.
  [[nodiscard]] SampledLogValue evaluate(const Eigen::Ref<const SampleMatrix>& utilities, bool gradients,
                                         const Eigen::Ref<const SampleMatrix>& log_feasibility = SampleMatrix()) const;

  [[nodiscard]] Eigen::Index q() const noexcept { return q_; }
  [[nodiscard]] Eigen::Index objectives() const noexcept { return objectives_; }

 private:
  /// Boxes of one set in blocks: for each block and objective, the lower ends and then the lengths of its boxes.
  struct Blocks {
    std::size_t first = 0;  ///< in sides_
    std::size_t count = 0;
    std::vector<double> least;  ///< (m) the lowest lower end
  };

  void check(const Eigen::Ref<const SampleMatrix>& utilities,
             const Eigen::Ref<const SampleMatrix>& log_feasibility) const;
  /// Sums over the boxes of a set. @return the logarithm of the volume, its scales put back.
  double sum(std::size_t set, bool gradients, detail::HypervolumeSample& sample) const;

  Eigen::Index q_;
  Eigen::Index objectives_;
  HypervolumeImprovementOptions options_;
  std::vector<double> sides_;
  std::vector<Blocks> sets_;
};

}  // namespace luban::recommend

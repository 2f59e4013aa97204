#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/base_samples.hpp>
#include <luban/recommend/export.hpp>
#include <luban/surrogate/beside.hpp>

namespace luban::recommend {

/// What is sampled, and how finely.
struct JointSampling {
  Eigen::Index q = 1;  ///< points that are judged together
  Eigen::Index samples = 128;
  /// (m) what counts as one in each response, > 0; empty = response_units of the fixed points, or 1 where they are
  /// fewer than two. Temperatures are relative to it.
  Eigen::VectorXd units = {};
  double indicator_temperature = 1e-3;  ///< of the smooth indicators of outcome bounds
  /// Instead of Sobol points: one entry per utility, then one per predicted bound, those of an earlier response
  /// repeated by the caller where responses are the same.
  std::optional<BaseSamples> base = {};
};

/// Spread of each response over some points: square root of the variance of its means plus its mean variance, at least
/// 1e-9 of its size; (m).
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd response_units(const surrogate::Posterior& posterior);
/// The same of means (q, m) at some points and of latent variances (k, m) at as many of them as tell.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Eigen::VectorXd response_units(const Eigen::MatrixXd& mean,
                                                                    const Eigen::MatrixXd& variance);

/// Joint samples of utilities and of whether outcome bounds hold, at q points conditionally on b fixed ones. The fixed
/// points are sampled once, with their Cholesky factor L_F; those of the q points are
///   f = m + A z_F + L z,  A = C L_F⁻ᵀ,  L Lᵀ = Σ − A Aᵀ,
/// C their covariance with the fixed points. Utilities are of latent responses; bounds of the mean of the next run with
/// its calibrated spread. Exact bounds are left to the search. Const and thread-safe.
class LUBAN_RECOMMEND_EXPORT JointSamples {
 public:
  /// @throws ConfigurationError on numbers out of range; DataError on units or base samples of another shape;
  /// NumericalError when the fixed points' covariance is not positive definite.
  JointSamples(const surrogate::SurrogateBeside& beside, std::vector<Utility> utilities,
               const std::vector<OutcomeBound>& bounds, const JointSampling& sampling, core::RandomKey key);

  [[nodiscard]] Eigen::Index q() const noexcept { return q_; }
  [[nodiscard]] Eigen::Index b() const noexcept { return b_; }
  [[nodiscard]] Eigen::Index samples() const noexcept { return samples_; }
  [[nodiscard]] double unit(std::size_t utility) const { return units_(utilities_[utility].response); }
  [[nodiscard]] const Utility& utility(std::size_t utility) const { return utilities_[utility]; }
  [[nodiscard]] bool bounded() const noexcept { return !bounds_.empty(); }
  /// Per utility (b, s) at the fixed points.
  [[nodiscard]] const std::vector<Eigen::MatrixXd>& fixed_utility() const noexcept { return fixed_utility_; }
  /// (b, s): Σ log of the smooth indicators of the bounds; zeros when there are none.
  [[nodiscard]] const Eigen::MatrixXd& fixed_log_feasible() const noexcept { return fixed_log_feasible_; }

  /// One sampled quantity at the q points with what its pullback needs.
  struct Draw {
    Eigen::MatrixXd values;  ///< (q, s) of the response
    Eigen::MatrixXd gain;    ///< A (q, b)
    Eigen::MatrixXd lower;   ///< L
    double nugget = 0.0;
    bool usable = false;
  };
  struct At {
    std::vector<Eigen::MatrixXd> utility;  ///< per utility (q, s)
    Eigen::MatrixXd log_feasible;          ///< (q, s); empty without bounds
    std::vector<Draw> draws;               ///< of utilities, then of bounds
    bool usable = true;                    ///< false where a covariance has no factor: nothing can be said there
  };
  /// @throws DataError when the posterior is of another number of points or fixed ones.
  [[nodiscard]] At at(const surrogate::PosteriorBeside& posterior) const;
  /// (q, d) from derivatives by the utilities (each (q, s)) and by log_feasible ((q, s), empty without bounds).
  [[nodiscard]] Eigen::MatrixXd pullback(const surrogate::PosteriorBeside& posterior, const At& at,
                                         const std::vector<Eigen::MatrixXd>& by_utility,
                                         const Eigen::MatrixXd& by_log_feasible) const;

 private:
  struct Source {
    Eigen::Index response = 0;
    surrogate::VarianceOf of = surrogate::VarianceOf::latent;
    double spread = 1.0;          ///< factor on every covariance
    Eigen::MatrixXd z;            ///< (q, s)
    Eigen::MatrixXd z_fixed;      ///< (b, s)
    Eigen::MatrixXd lower_fixed;  ///< L_F
  };
  void add_source(const surrogate::SurrogateBeside& beside, Eigen::Index response, surrogate::VarianceOf of,
                  double spread, Eigen::MatrixXd z, Eigen::MatrixXd z_fixed);
  [[nodiscard]] Eigen::MatrixXd fixed_values(const surrogate::SurrogateBeside& beside, const Source& source) const;
  [[nodiscard]] Draw draw(const surrogate::PosteriorBeside& posterior, const Eigen::MatrixXd& mean,
                          const Source& source) const;
  [[nodiscard]] surrogate::PullbackWeights weights(const Source& source, const Draw& draw,
                                                   const Eigen::MatrixXd& by_values) const;
  void add_log_feasible(std::size_t bound, const Eigen::MatrixXd& values, Eigen::MatrixXd& into) const;
  [[nodiscard]] Eigen::MatrixXd indicator_slope(std::size_t bound, const Eigen::MatrixXd& values) const;

  Eigen::Index q_;
  Eigen::Index b_;
  Eigen::Index samples_;
  double indicator_temperature_;
  Eigen::VectorXd units_;
  std::vector<Utility> utilities_;
  std::vector<OutcomeBound> bounds_;  ///< the predicted ones
  std::vector<Source> sources_;       ///< of utilities, then of bounds
  std::vector<Eigen::MatrixXd> fixed_utility_;
  Eigen::MatrixXd fixed_log_feasible_;
};

}  // namespace luban::recommend

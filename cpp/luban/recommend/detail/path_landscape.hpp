#pragma once

#include <optional>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/detail/risk_samples.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/search.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend::detail {

/// What is looked at of a drawn function where settings scatter.
struct PathScatter {
  NormalRule rule;                 ///< over whose coded deviations its values are averaged
  std::optional<RiskColumn> risk;  ///< of the objective, instead of the average
  Eigen::MatrixXd deviations;      ///< (k, p) coded, that the risk is over
};
/// @param risks at most one. @throws ConfigurationError as coded_deviations.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT PathScatter path_scatter(const features::Encoder& encoder,
                                                              const std::vector<process::Tolerance>& tolerances,
                                                              const std::vector<RiskColumn>& risks);

/// Thompson sampling: the utility of one function drawn from the posterior, where the functions drawn of the bounded
/// responses keep their bounds. Each draw is another landscape, so that several points need no pending ones.
/// References: Thompson 1933; Wilson et al. 2020 (arXiv 2002.09309); with bounds Eriksson and Poloczek 2021.
class LUBAN_RECOMMEND_EXPORT PathLandscape final : public Landscape {
 public:
  /// @param utility of a response, or of the risk. @param units (m) what counts as one in a response. @throws
  /// ConfigurationError as GaussianProcess::paths.
  PathLandscape(const surrogate::GaussianProcess& fitted, Utility utility, std::vector<OutcomeBound> bounds,
                Eigen::VectorXd units, core::RandomKey key, std::optional<PathScatter> scatter = {});
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override;

 private:
  /// Values (q) and their derivatives (q, p) where these are wanted.
  struct Drawn {
    Eigen::VectorXd value;
    Eigen::MatrixXd gradient;
  };
  [[nodiscard]] Drawn drawn(Eigen::Index response, const Eigen::MatrixXd& X, bool gradients) const;
  [[nodiscard]] Drawn expected(Eigen::Index response, const Eigen::MatrixXd& X, bool gradients) const;
  [[nodiscard]] Drawn risk(const Eigen::MatrixXd& X, bool gradients) const;
  void add_side(const Drawn& of, double sign, double limit, double unit, Value& into) const;

  surrogate::PosteriorPaths paths_;
  Utility utility_;
  std::vector<OutcomeBound> bounds_;
  Eigen::VectorXd units_;
  std::optional<PathScatter> scatter_;
};

}  // namespace luban::recommend::detail

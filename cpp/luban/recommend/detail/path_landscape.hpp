#pragma once

#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/search.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend::detail {

/// Thompson sampling: the utility of one function drawn from the posterior, where the functions drawn of the bounded
/// responses keep their bounds. Each draw is another landscape, so that several points need no pending ones.
/// References: Thompson 1933; Wilson et al. 2020 (arXiv 2002.09309); with bounds Eriksson and Poloczek 2021.
class LUBAN_RECOMMEND_EXPORT PathLandscape final : public Landscape {
 public:
  /// @param units (m) what counts as one in a response. @throws ConfigurationError as GaussianProcess::paths.
  PathLandscape(const surrogate::GaussianProcess& fitted, Utility utility, std::vector<OutcomeBound> bounds,
                Eigen::VectorXd units, core::RandomKey key);
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override;

 private:
  void add_side(Eigen::Index response, double sign, double limit, const Eigen::MatrixXd& X, bool gradients,
                Value& into) const;

  surrogate::PosteriorPaths paths_;
  Utility utility_;
  std::vector<OutcomeBound> bounds_;
  Eigen::VectorXd units_;
};

}  // namespace luban::recommend::detail

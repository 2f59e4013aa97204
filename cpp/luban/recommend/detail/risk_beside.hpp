#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/recommend/detail/risk_samples.hpp>
#include <luban/surrogate/beside.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// What a RiskSurrogate is made of, for those that ask it about points beside fixed ones.
struct RiskParts {
  const surrogate::Surrogate& whole;     ///< expected responses, behind them the risks
  const surrogate::Surrogate& expected;  ///< the responses over the tolerances
  const surrogate::Surrogate& inner;     ///< whose values scatter
  const std::vector<RiskColumn>& columns;
  const Eigen::MatrixXd& deviations;  ///< (k, p) coded
  Eigen::Index samples = 0;
};

/// As surrogate::joint_beside of the whole, a row at the cost of its own k deviations: draws at the deviations of the
/// b fixed points are made once, those of a row are added to them. Joint answers about several rows are those of
/// joint_beside. @param fixed (b, p) coded, b ≥ 0. @param parts must outlive the answer.
[[nodiscard]] std::unique_ptr<const surrogate::SurrogateBeside> risk_beside(const RiskParts& parts,
                                                                            const Eigen::MatrixXd& fixed);

}  // namespace luban::recommend::detail

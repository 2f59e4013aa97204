#pragma once

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Utility of the posterior mean plus √β latent standard deviations. Reference: Srinivas et al. 2010 (arXiv 0912.3995).
class LUBAN_RECOMMEND_EXPORT UpperConfidenceBound final : public AcquisitionFunction {
 public:
  /// @param beta 0 … 100. @throws ConfigurationError outside that range.
  UpperConfidenceBound(Utility utility, double beta);
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  Utility utility_;
  double weight_;  ///< √β
};

}  // namespace luban::recommend

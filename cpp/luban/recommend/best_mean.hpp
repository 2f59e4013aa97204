#pragma once

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// The utility of the posterior mean plus `spread_weight` latent standard deviations. Weight 0 (best_mean) asks for
/// what is believed best and learns nothing on purpose; a positive weight is the upper confidence bound (Srinivas et
/// al. 2010), which needs no incumbent. For Goal::target the mean's distance enters squared, so that it is smooth
/// there.
class LUBAN_RECOMMEND_EXPORT BestMean final : public AcquisitionFunction {
 public:
  /// @param spread_weight 0 … 10. @throws ConfigurationError outside that range.
  explicit BestMean(Utility utility, double spread_weight = 0.0);
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  Utility utility_;
  double spread_weight_;
};

}  // namespace luban::recommend

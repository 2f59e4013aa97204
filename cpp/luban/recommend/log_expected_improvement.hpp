#pragma once

#include <vector>

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// log E[max(0, utility − best)] with latent variance, plus Σ log P(bound) of the outcome bounds when there are any
/// (LogEI and LogCEI of Ament et al. 2023, arXiv 2310.20708). `best` is the utility of the incumbent: the best
/// posterior mean among measured settings, because raw noisy values would be winners by luck. Goal::target is exact
/// too: E[max(0, a − |y − target|)], a = −best, is a second difference of h.
class LUBAN_RECOMMEND_EXPORT LogExpectedImprovement final : public AcquisitionFunction {
 public:
  LogExpectedImprovement(Utility utility, double best, std::vector<OutcomeBound> bounds = {});
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  Utility utility_;
  double best_;
  std::vector<OutcomeBound> bounds_;
};

/// Σ log P(bound): what is maximised as long as no admissible settings are known.
class LUBAN_RECOMMEND_EXPORT LogProbabilityFeasible final : public AcquisitionFunction {
 public:
  explicit LogProbabilityFeasible(std::vector<OutcomeBound> bounds);
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  std::vector<OutcomeBound> bounds_;
};

}  // namespace luban::recommend

#pragma once

#include <vector>

#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// −Σ E[excess of the next run's mean over a bound] / |bound|, its spread calibrated as the bound says: the value of
/// settings when a line must run although nothing keeps every bound with its probability. Unlike the probability itself
/// it does not prefer what is merely unknown. Exact bounds are not counted: the search keeps them as constraints.
class LUBAN_RECOMMEND_EXPORT ExpectedExcess final : public AcquisitionFunction {
 public:
  explicit ExpectedExcess(std::vector<OutcomeBound> bounds);
  [[nodiscard]] AcquisitionValue evaluate(const surrogate::Posterior& posterior, bool gradients) const override;

 private:
  std::vector<OutcomeBound> bounds_;
};

}  // namespace luban::recommend

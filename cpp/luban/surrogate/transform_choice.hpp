#pragma once

#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/response_transform.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

struct TransformChoiceOptions {
  std::vector<std::string> candidates = {"log", "yeo_johnson"};  ///< beside "none"; none that clips
  int folds = 5;                 ///< 2 … : of groups; as many as there are groups leave out one at a time
  double standard_errors = 2.0;  ///< by which a transform must lead; at least 0
};

/// One candidate for one response.
struct TransformTrial {
  std::string name;
  double log_density = 0.0;     ///< of a left-out reading in the response's unit, mean, nats; NaN when refused
  double lead = 0.0;            ///< over "none", mean
  double bounded_lead = 0.0;    ///< the same with every reading's lead kept within ±2, so that no single one decides
  double standard_error = 0.0;  ///< of the bounded lead, groups left out in turn (jackknife)
  std::string refused;          ///< why the candidate cannot be fitted; empty when it can
};

struct TransformChoice {
  std::string chosen;
  std::vector<TransformTrial> trials;  ///< "none" first; empty when there are too few groups to compare
};

/// For each response the transform whose surrogates give left-out readings the greatest log density, the Jacobian
/// included: among those that lead "none" and whose bounded lead exceeds `standard_errors`, the one with the greatest;
/// else "none".
/// Folds never split a group and are the same for all; gross errors are not scored.
/// @throws ConfigurationError on an unknown candidate, one that clips what is learned (its own density flatters it), or
/// an option out of range; whatever `make` throws; StoppedError.
[[nodiscard]] LUBAN_SURROGATE_EXPORT std::vector<TransformChoice> choose_response_transforms(
    const features::Dataset& data, const SurrogateFactory& make, core::RandomKey key,
    const TransformChoiceOptions& options = {}, const core::CallControl& control = {});

}  // namespace luban::surrogate

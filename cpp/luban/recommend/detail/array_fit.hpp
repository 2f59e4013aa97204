#pragma once

#include <memory>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/recommend/detail/array_trials.hpp>
#include <luban/recommend/propose.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::detail {

/// Fits the responses as they are and once more around what matters for them (array_trials.hpp): responses that only
/// have a bound, and a single objective unless noise is seen. Each is learned in the way that makes its values more
/// likely, which `trials` then says. As they are when runs are many, the surrogate tells no likelihood, or there are
/// tolerances.
/// @throws whatever the fit throws.
[[nodiscard]] std::shared_ptr<const surrogate::Surrogate> fit_trials(const ArrayProblem& problem, ArrayTrials& trials,
                                                                     const ArrayFit& fit, core::RandomKey key,
                                                                     const core::CallControl& control);

}  // namespace luban::recommend::detail

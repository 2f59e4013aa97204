#pragma once

#include <luban/features/dataset.hpp>
#include <luban/features/export.hpp>
#include <luban/process/envelope.hpp>

namespace luban::features {

/// Envelope of the runs' numeric parameters and context (noise variables are not ours to judge by): standardisation,
/// regularised inverse covariance, quantiles of left-group-out distances, context combinations seen.
/// @throws DataError when there is no run.
[[nodiscard]] LUBAN_FEATURES_EXPORT process::TrainingEnvelope make_envelope(const Dataset& data);

}  // namespace luban::features

#pragma once

#include <luban/core/json.hpp>
#include <luban/process/trial.hpp>

namespace luban::recommend::detail {

[[nodiscard]] core::Json to_json(const process::Recommendation& recommendation);
/// @throws DataError when a field is missing or of the wrong type.
[[nodiscard]] process::Recommendation recommendation_from_json(const core::Json& json);

}  // namespace luban::recommend::detail

#pragma once

#include <luban/core/json.hpp>
#include <luban/surrogate/kernel.hpp>

namespace luban::surrogate::detail {

/// A ModelSpec as JSON, so that an artefact does not depend on what a preset's name means later.
[[nodiscard]] core::Json to_json(const ModelSpec& model);

/// @throws DataError when a key is missing or of the wrong type, or a factor or prior is unknown.
[[nodiscard]] ModelSpec model_from_json(const core::Json& json);

}  // namespace luban::surrogate::detail

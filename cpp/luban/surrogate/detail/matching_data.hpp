#pragma once

#include <vector>

#include <luban/features/dataset.hpp>

namespace luban::surrogate::detail {

/// New readings as a model knows them: inputs coded by its encoder, variables and categories matched by name; its
/// responses in their order, NaN where the data lack one, others left out.
/// @throws DataError when a variable or category is missing, no response is known, or a value is infinite; UnitError.
[[nodiscard]] features::Dataset matching(const features::Dataset& data, const features::Encoder& encoder,
                                         const std::vector<features::ResponseColumn>& responses, const char* where);

/// Both; a run of the same name is the same run, a group of the same label the same group (of a run that is in both,
/// the first one's stands).
[[nodiscard]] features::Dataset joined(const features::Dataset& first, const features::Dataset& second);

/// Without the runs of these names; names that are not there are passed over.
[[nodiscard]] features::Dataset without(const features::Dataset& data, const std::vector<std::string>& run_ids);

}  // namespace luban::surrogate::detail

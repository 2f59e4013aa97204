#pragma once

#include <string>
#include <string_view>

#include <luban/surrogate/artefact.hpp>

namespace luban::surrogate::detail {

/// The bytes of a safetensors file: 8 bytes little-endian header length, JSON header padded with spaces to a multiple
/// of 8, arrays in the order of their names without gaps.
[[nodiscard]] std::string to_safetensors(const Artefact& artefact);

/// @throws IntegrityError when the bytes are not such a file: truncated, gaps or overlaps, sizes that do not fit the
/// shapes, types that artefacts do not hold; VersionError when written by a newer format. `place` names the file.
[[nodiscard]] Artefact from_safetensors(std::string_view bytes, const std::string& place);

}  // namespace luban::surrogate::detail

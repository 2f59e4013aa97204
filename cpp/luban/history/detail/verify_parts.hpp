#pragma once

#include <luban/history/verify.hpp>

namespace luban::history::detail {

/// One file: a history or a segment. @throws as verify().
[[nodiscard]] VerifyReport verify_file(const std::filesystem::path& path, const core::CallControl& control);
/// A folder: its chain, then each segment. @throws as verify().
[[nodiscard]] VerifyReport verify_folder(const std::filesystem::path& folder, const core::CallControl& control,
                                         const std::filesystem::path& head);

}  // namespace luban::history::detail

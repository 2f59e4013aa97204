#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/history/export.hpp>

namespace luban::history {

/// One thing that is wrong with a file.
struct Damage {
  std::string object;  ///< path inside the file; "" = the file as a whole
  std::string what;    ///< in words
};

struct LUBAN_HISTORY_EXPORT VerifyReport {
  std::string path;
  std::vector<Damage> damages;  ///< empty = the history verified
  std::string content_digest;   ///< computed from what was read; "" when the file could not be opened
  std::int64_t runs = 0, readings = 0, events = 0, datasets = 0;
  std::int64_t segments = 0;       ///< of a folder; 0 = a single file
  std::vector<std::string> notes;  ///< what could not be checked, in words
  [[nodiscard]] bool ok() const noexcept { return damages.empty(); }
};

/// Reads every byte of a history and checks the seal, each chunk's checksum, the content digest, the structure
/// (lengths, rows and codes in range, unique keys), the process definitions and the chain of imports. Of a folder also
/// the SHA-256 of each segment, their chain, its head against the file of heads that is kept beside the folder (`head`;
/// empty = NAME.head), and that every late value has its reading: the first bad segment, a removed tail, segments in
/// each other's place and a suffix that was written anew are each named.
/// @throws IoError when the file is missing or unreadable; damage is reported, not thrown.
[[nodiscard]] LUBAN_HISTORY_EXPORT VerifyReport verify(const std::filesystem::path& path,
                                                       const core::CallControl& control = {},
                                                       const std::filesystem::path& head = {});

}  // namespace luban::history

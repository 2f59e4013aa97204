#pragma once

#include <filesystem>
#include <luban/core/call_control.hpp>
#include <luban/history/detail/sealed_file.hpp>
#include <luban/history/writer.hpp>
#include <string>

namespace luban::history::detail {

struct WrittenFile {
  std::string content_digest;
  FileBytes bytes;  ///< when it is proven
};
/// As write(), and says which bytes are in the file.
[[nodiscard]] WrittenFile write_file(Content& content, const std::filesystem::path& path, const WriteOptions& options,
                                     const core::CallControl& control);

}  // namespace luban::history::detail

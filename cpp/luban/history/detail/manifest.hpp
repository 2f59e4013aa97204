#pragma once

#include <luban/core/call_control.hpp>
#include <luban/history/detail/tree.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Fewer elements than this are hashed sooner by one thread than others are woken.
inline constexpr std::size_t worth_threads = std::size_t{1} << 15;

/// SHA-256 of a dataset's elements in canonical form: numbers as little-endian bytes, each text as a 4-byte
/// little-endian length and its UTF-8 bytes. It does not depend on chunks, filters or text storage.
[[nodiscard]] std::string data_digest(const ColumnView& view);

/// A text in that form.
void append_text(std::span<const std::byte> text, std::vector<std::byte>& out);

/// One object's lines of the manifest.
[[nodiscard]] std::string group_lines(const std::string& path, const Attributes& attributes);
[[nodiscard]] std::string dataset_lines(const std::string& path, StoredKind kind, std::size_t count,
                                        const std::string& digest, const Attributes& attributes);

/// SHA-256 of the manifest: the lines of every object, sorted by path; the root's `content_digest` is left out.
struct ManifestEntry {
  std::string path;
  std::string lines;
};
[[nodiscard]] std::string content_digest(std::vector<ManifestEntry> entries);

/// Digest of a tree that is still in memory; datasets in parallel.
[[nodiscard]] std::string content_digest(const Tree& tree, const core::CallControl& control);

}  // namespace luban::history::detail

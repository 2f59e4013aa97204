#pragma once

#include <cstdint>
#include <luban/history/content.hpp>
#include <luban/history/detail/tree.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <optional>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Version of the format that is written; a reader refuses a larger major and reads any minor of its own major.
inline constexpr std::int64_t format_major = 1;
inline constexpr std::int64_t format_minor = 1;
inline constexpr const char* format_name = "luban-history";

/// A name as an HDF5 link: `/`, `%` and control characters, and the first character of a reserved name, as %XX.
[[nodiscard]] std::string encode_name(const std::string& name, const std::vector<std::string>& reserved = {});
/// Names that /readings uses for itself.
[[nodiscard]] const std::vector<std::string>& reading_columns();

/// A content (already normalised) as the tree of FORMAT.md, without `content_digest`. Borrows from `content`.
[[nodiscard]] Tree to_tree(const Content& content);

/// @throws IntegrityError when the file is HDF5 but no history, VersionError when it is of a newer major version.
void require_history(const TreeFile& file);

/// Everything back in memory. @throws IntegrityError when something is damaged or absent.
[[nodiscard]] Content load_content(const TreeFile& file);
/// Normalises what was loaded: who changes it relies on references between rows that hold.
/// @throws IntegrityError when they do not; `path`: of the history.
void require_consistent(Content& content, const std::string& path);
[[nodiscard]] std::vector<ProcessVersion> load_process(const TreeFile& file);
[[nodiscard]] std::vector<Provenance> load_provenance(const TreeFile& file);
[[nodiscard]] Quarantine load_quarantine(const TreeFile& file);
[[nodiscard]] Genealogy load_genealogy(const TreeFile& file);
[[nodiscard]] Recipes load_recipes(const TreeFile& file);

/// A stored named column: where it lies and what it is.
struct StoredColumn {
  process::ColumnInfo info;
  std::string path;           ///< of the dataset; of the group for a response
  std::int64_t position = 0;  ///< place among its siblings
};
/// The columns directly under `group`, in their stored order: groups that hold `value`, or datasets that carry a name.
[[nodiscard]] std::vector<StoredColumn> stored_columns(const TreeFile& file, const std::string& group);

/// Nothing when the file is a history by itself.
[[nodiscard]] std::optional<SegmentPlace> segment_place(const TreeFile& file);

/// A stored channel of samples.
struct StoredTrace {
  std::string name, unit;
  std::string path;         ///< of the group
  std::int64_t period = 0;  ///< nanoseconds; 0 = it has times
  std::int64_t position = 0;
};
/// The channels, in their stored order.
[[nodiscard]] std::vector<StoredTrace> stored_traces(const TreeFile& file);

/// Where the values that the machine reached for a parameter lie, if they are there.
[[nodiscard]] std::string achieved_path(const StoredColumn& parameter);

/// Typed read of elements [begin, end). @throws IntegrityError when the stored type is another.
template <typename T>
[[nodiscard]] std::vector<T> load(const TreeFile& file, const std::string& path, std::size_t begin, std::size_t end) {
  ColumnData data = file.read(path, begin, end);
  if (auto* values = std::get_if<std::vector<T>>(&data)) return std::move(*values);
  throw core::IntegrityError({.where = "history.read",
                              .expected = "another type of column",
                              .received = std::string(name(file.info(path).kind)),
                              .place = file.path() + ", " + path,
                              .hint = "the file was not written by this format's rules"});
}

/// Typed read of a whole column.
template <typename T>
[[nodiscard]] std::vector<T> load(const TreeFile& file, const std::string& path) {
  return load<T>(file, path, 0, file.info(path).count);
}

/// The last of `entries`. @throws IntegrityError when there is none.
template <typename Entry>
[[nodiscard]] Entry newest(const std::vector<Entry>& entries, const char* what, const std::string& place) {
  if (!entries.empty()) return entries.back();
  throw core::IntegrityError(
      {.where = "history.read", .expected = what, .received = "none", .place = place, .hint = "import the data again"});
}

/// @throws IntegrityError: a column refers to a row that does not exist.
[[noreturn]] void out_of_range(const TreeFile& file, const std::string& path, std::int64_t value);

/// Data of a stored column as a column of a table.
[[nodiscard]] process::Column as_column(const process::ColumnInfo& info, ColumnData data);

[[nodiscard]] std::string text_attribute(const Attributes& attributes, std::string_view name);
[[nodiscard]] std::int64_t integer_attribute(const Attributes& attributes, std::string_view name);

}  // namespace luban::history::detail

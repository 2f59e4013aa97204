#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace luban::history::detail {

/// Value of an attribute; monostate = of a type that this format does not use.
using AttributeValue =
    std::variant<std::monostate, std::string, std::int64_t, std::vector<std::int64_t>, std::vector<std::string>>;
struct Attribute {
  std::string name;
  AttributeValue value;
};
using Attributes = std::vector<Attribute>;

/// Texts given as rows of a dictionary: what joins store without making a million strings.
struct IndexedText {
  std::span<const std::string> dictionary;
  std::span<const std::int64_t> rows;  ///< row of the dictionary
  std::span<const std::int64_t> via;   ///< when not empty: the text of i is dictionary[rows[via[i]]]
  [[nodiscard]] std::size_t size() const noexcept { return via.empty() ? rows.size() : via.size(); }
  [[nodiscard]] const std::string& at(std::size_t i) const {
    return dictionary[static_cast<std::size_t>(rows[via.empty() ? i : static_cast<std::size_t>(via[i])])];
  }
};

/// int64 values reached through another column.
struct IndexedInteger {
  std::span<const std::int64_t> values;
  std::span<const std::int64_t> rows;
};

/// What a dataset is written from; borrows.
using ColumnView = std::variant<std::span<const double>, std::span<const std::int64_t>, std::span<const std::int32_t>,
                                std::span<const float>, std::span<const std::string>, IndexedText, IndexedInteger>;
/// What a dataset is read into.
using ColumnData = std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::int32_t>,
                                std::vector<float>, std::vector<std::string>>;

/// How a dataset's elements are stored.
enum class StoredKind { float64, int64, int32, float32, text, other };
[[nodiscard]] std::string_view name(StoredKind kind) noexcept;
/// Bytes of one number; 0 for texts and others.
[[nodiscard]] std::size_t number_size(StoredKind kind) noexcept;

struct GroupNode {
  std::string path;
  Attributes attributes;
};
struct DatasetNode {
  std::string path;
  Attributes attributes;
  ColumnView data;
  std::string same_as = {};  ///< path of an earlier dataset of the same rows and attributes: one object, two names
};
/// A file as it will be written: groups before what they hold, the root ("/") first.
struct Tree {
  std::vector<GroupNode> groups;
  std::vector<DatasetNode> datasets;
  std::vector<std::shared_ptr<const void>> owned;  ///< columns made for the tree, which the views borrow from
};

[[nodiscard]] std::size_t size(const ColumnView& view) noexcept;
[[nodiscard]] StoredKind kind(const ColumnView& view) noexcept;
[[nodiscard]] const AttributeValue* find(const Attributes& attributes, std::string_view name) noexcept;

/// How many elements make a chunk of about 1 MiB.
inline constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
/// Rows of a chunk of the widest fixed column: what blocks() aligns to.
inline constexpr std::size_t block_rows = chunk_bytes / 8;

/// How texts are stored: `fixed` bytes each, or 0 = variable length (when fixed would waste much).
[[nodiscard]] std::size_t fixed_text_size(const ColumnView& view);

/// Elements [begin, end) as they lie in memory, where they are stored just so; empty otherwise.
[[nodiscard]] std::span<const std::byte> in_memory(const ColumnView& view, std::size_t begin, std::size_t end);

/// Elements [begin, end) in their stored form (little endian; texts padded with zeros to `text_size`).
void pack(const ColumnView& view, std::size_t begin, std::size_t end, std::size_t text_size, std::span<std::byte> out);

}  // namespace luban::history::detail

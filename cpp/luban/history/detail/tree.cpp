#include <algorithm>
#include <bit>
#include <cstring>
#include <luban/history/detail/tree.hpp>
#include <type_traits>

namespace luban::history::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "stored bytes are little endian and copied as they are");

template <typename F>
void for_each_text(const ColumnView& view, std::size_t begin, std::size_t end, F&& body) {
  if (const auto* plain = std::get_if<std::span<const std::string>>(&view)) {
    for (std::size_t i = begin; i < end; ++i) body(i - begin, (*plain)[i]);
  } else if (const auto* indexed = std::get_if<IndexedText>(&view)) {
    for (std::size_t i = begin; i < end; ++i) body(i - begin, indexed->at(i));
  }
}

}  // namespace

std::string_view name(StoredKind kind) noexcept {
  switch (kind) {
    case StoredKind::float64:
      return "float64";
    case StoredKind::int64:
      return "int64";
    case StoredKind::int32:
      return "int32";
    case StoredKind::float32:
      return "float32";
    case StoredKind::text:
      return "text";
    case StoredKind::other:
      break;
  }
  return "other";
}

std::size_t number_size(StoredKind kind) noexcept {
  switch (kind) {
    case StoredKind::float64:
    case StoredKind::int64:
      return 8;
    case StoredKind::int32:
    case StoredKind::float32:
      return 4;
    default:
      return 0;
  }
}

std::size_t size(const ColumnView& view) noexcept {
  return std::visit(
      [](const auto& data) {
        if constexpr (std::is_same_v<std::decay_t<decltype(data)>, IndexedInteger>) {
          return data.rows.size();
        } else {
          return data.size();
        }
      },
      view);
}

StoredKind kind(const ColumnView& view) noexcept {
  constexpr StoredKind kinds[] = {StoredKind::float64, StoredKind::int64, StoredKind::int32, StoredKind::float32,
                                  StoredKind::text,    StoredKind::text,  StoredKind::int64};
  return kinds[view.index()];
}

const AttributeValue* find(const Attributes& attributes, std::string_view name) noexcept {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.name == name; });
  return found == attributes.end() ? nullptr : &found->value;
}

std::size_t fixed_text_size(const ColumnView& view) {
  std::size_t longest = 1;
  std::size_t total = 0;
  const std::size_t count = size(view);
  for_each_text(view, 0, count, [&](std::size_t, const std::string& text) {
    longest = std::max(longest, text.size());
    total += text.size();
  });
  // Fixed length compresses and reads in parallel; it may cost four times the text, or little in all.
  constexpr std::size_t small = std::size_t{1} << 16;
  return longest <= 64 || longest * count <= 4 * total + small ? longest : 0;
}

std::span<const std::byte> in_memory(const ColumnView& view, std::size_t begin, std::size_t end) {
  return std::visit(
      [&](const auto& values) -> std::span<const std::byte> {
        using View = std::decay_t<decltype(values)>;
        if constexpr (requires { typename View::element_type; }) {
          if constexpr (std::is_arithmetic_v<typename View::element_type>) {
            return std::as_bytes(values.subspan(begin, end - begin));
          }
        }
        return {};
      },
      view);
}

void pack(const ColumnView& view, std::size_t begin, std::size_t end, std::size_t text_size, std::span<std::byte> out) {
  std::visit(
      [&](const auto& data) {
        using Data = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<Data, IndexedInteger>) {
          for (std::size_t i = begin; i < end; ++i) {
            const std::int64_t value = data.values[static_cast<std::size_t>(data.rows[i])];
            std::memcpy(out.data() + (i - begin) * sizeof value, &value, sizeof value);
          }
        } else if constexpr (std::is_same_v<Data, IndexedText> || std::is_same_v<Data, std::span<const std::string>>) {
          for_each_text(view, begin, end, [&](std::size_t i, const std::string& text) {
            std::byte* target = out.data() + i * text_size;
            std::memcpy(target, text.data(), text.size());
            std::memset(target + text.size(), 0, text_size - text.size());
          });
        } else {
          std::memcpy(out.data(), data.data() + begin, (end - begin) * sizeof(data[0]));
        }
      },
      view);
}

}  // namespace luban::history::detail

#include <algorithm>
#include <cstring>
#include <luban/core/json.hpp>
#include <luban/core/sha256.hpp>
#include <luban/history/detail/manifest.hpp>
#include <luban/parallel/arena.hpp>
#include <map>
#include <string_view>

namespace luban::history::detail {
namespace {

core::Json as_json(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {*text};
  if (const auto* number = std::get_if<std::int64_t>(&value)) return {*number};
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return {*texts};
  core::Json json;
  if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
    json = core::Json::array();
    for (const std::int64_t number : *numbers) json.push_back(number);
  }
  return json;
}

std::string attribute_lines(const std::string& path, const Attributes& attributes) {
  std::vector<std::string> lines;
  for (const auto& attribute : attributes) {
    if (path == "/" && attribute.name == "content_digest") continue;
    lines.push_back("attribute " + attribute.name + " " + as_json(attribute.value).dump() + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const auto& line : lines) all += line;
  return all;
}

}  // namespace

void append_text(std::span<const std::byte> text, std::vector<std::byte>& out) {
  const auto length = static_cast<std::uint32_t>(text.size());
  const std::size_t at = out.size();
  out.resize(at + sizeof length + text.size());
  std::memcpy(out.data() + at, &length, sizeof length);
  if (!text.empty()) std::memcpy(out.data() + at + sizeof length, text.data(), text.size());
}

std::string data_digest(const ColumnView& view) {
  core::Sha256 hash;
  if (const auto* numbers = std::get_if<std::span<const double>>(&view)) {
    return hash.update(std::as_bytes(*numbers)).hex();
  }
  if (const auto* numbers = std::get_if<std::span<const std::int64_t>>(&view)) {
    return hash.update(std::as_bytes(*numbers)).hex();
  }
  if (const auto* numbers = std::get_if<std::span<const std::int32_t>>(&view)) {
    return hash.update(std::as_bytes(*numbers)).hex();
  }
  const std::size_t count = size(view);
  std::vector<std::byte> buffer;
  for (std::size_t begin = 0; begin < count; begin += block_rows) {
    const std::size_t end = std::min(count, begin + block_rows);
    if (kind(view) == StoredKind::text) {
      buffer.clear();
      const auto* plain = std::get_if<std::span<const std::string>>(&view);
      for (std::size_t i = begin; i < end; ++i) {
        const std::string& text = plain != nullptr ? (*plain)[i] : std::get<IndexedText>(view).at(i);
        append_text(std::as_bytes(std::span(text)), buffer);
      }
    } else {
      buffer.resize((end - begin) * number_size(kind(view)));
      pack(view, begin, end, 0, buffer);
    }
    hash.update(buffer);
  }
  return hash.hex();
}

std::string group_lines(const std::string& path, const Attributes& attributes) {
  return "group " + path + "\n" + attribute_lines(path, attributes);
}

std::string dataset_lines(const std::string& path, StoredKind kind, std::size_t count, const std::string& digest,
                          const Attributes& attributes) {
  return "dataset " + path + " " + std::string(name(kind)) + " " + std::to_string(count) + " " + digest + "\n" +
         attribute_lines(path, attributes);
}

std::string content_digest(std::vector<ManifestEntry> entries) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  core::Sha256 hash;
  for (const auto& entry : entries) hash.update(entry.lines);
  return hash.hex();
}

std::string content_digest(const Tree& tree, const core::CallControl& control) {
  std::vector<ManifestEntry> entries(tree.datasets.size());
  std::size_t elements = 0;
  for (const auto& node : tree.datasets) elements += size(node.data);
  std::vector<std::string> digests(tree.datasets.size());
  parallel::for_each_index(tree.datasets.size(),
                           [&](std::size_t i) {
                             const DatasetNode& node = tree.datasets[i];
                             if (node.same_as.empty()) digests[i] = data_digest(node.data);
                           },
                           elements < worth_threads ? 1 : 0, {.stop = control.stop, .progress = {}});
  std::map<std::string_view, const std::string*> digest_of;
  for (std::size_t i = 0; i < digests.size(); ++i) digest_of[tree.datasets[i].path] = &digests[i];
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const DatasetNode& node = tree.datasets[i];
    const std::string& digest = node.same_as.empty() ? digests[i] : *digest_of.at(node.same_as);
    entries[i] = {node.path, dataset_lines(node.path, kind(node.data), size(node.data), digest, node.attributes)};
  }
  for (const auto& group : tree.groups) entries.push_back({group.path, group_lines(group.path, group.attributes)});
  return content_digest(std::move(entries));
}

}  // namespace luban::history::detail

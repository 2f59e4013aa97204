#include <luban/surrogate/detail/safetensors.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/json.hpp>
#include <luban/core/sha256.hpp>

namespace luban::surrogate::detail {

namespace {

static_assert(std::endian::native == std::endian::little, "artefacts are little-endian and are copied as they are");

constexpr std::int64_t format_version = 1;
constexpr const char* format_name = "luban-artefact";
constexpr std::size_t prefix = 8;
constexpr std::uint64_t longest_header = 100'000'000;  // as the reference implementation
constexpr std::size_t most_dimensions = 16;
// The seal: SHA-256 of the file's bytes with these in the seal's own place.
const std::string unsealed(64, '0');

std::string seal_text(const std::string& seal) {
  return R"("sha256":")" + seal + '"';
}

// Where the seal's digits stand; npos when the text does not hold them as they are written here.
std::size_t place_of_seal(std::string_view bytes, const std::string& seal) {
  const std::size_t at = bytes.find(seal_text(seal));
  return at == std::string_view::npos ? at : at + seal_text(seal).size() - seal.size() - 1;
}

std::string seal_of(std::string_view bytes, std::size_t at) {
  core::Sha256 hash;
  hash.update(bytes.substr(0, at)).update(unsealed).update(bytes.substr(at + unsealed.size()));
  return hash.hex();
}

[[noreturn]] void broken(std::string expected, std::string received, const std::string& place) {
  throw core::IntegrityError(
      {.where = "surrogate.Artefact.load",
       .expected = std::move(expected),
       .received = std::move(received),
       .place = place,
       .hint = "the file is damaged or is no model artefact; restore it from where it was made"});
}

template <typename Values>
constexpr const char* type_name() {
  using Element = typename Values::value_type;
  if (std::is_same_v<Element, double>) return "F64";
  if (std::is_same_v<Element, float>) return "F32";
  return "I64";
}

// By name, arrays of 4-byte values last, so that every array begins at a multiple of its own size without padding.
std::vector<std::string> order_in_file(const Artefact& artefact) {
  std::vector<std::string> out;
  for (const bool four_bytes : {false, true}) {
    for (const auto& [name, tensor] : artefact.tensors) {
      if (std::holds_alternative<std::vector<float>>(tensor.values) == four_bytes) out.push_back(name);
    }
  }
  return out;
}

std::uint64_t count_of(const std::vector<std::int64_t>& shape, const std::string& place) {
  std::uint64_t count = 1;
  if (shape.size() > most_dimensions) broken("at most 16 dimensions", std::to_string(shape.size()), place);
  for (const std::int64_t length : shape) {
    if (length < 0) broken("lengths of at least 0", std::to_string(length), place);
    const auto factor = static_cast<std::uint64_t>(length);
    if (factor != 0 && count > std::numeric_limits<std::int64_t>::max() / 8 / factor) {
      broken("an array that fits into memory", "a shape of too many values", place);
    }
    count *= factor;
  }
  return count;
}

/// Where a tensor's bytes lie in the data section.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Extent extent_of(const core::Json& entry, std::uint64_t available, const std::string& place) {
  const core::Json::Array& offsets = entry.at("data_offsets").as_array();
  if (offsets.size() != 2) broken("two data offsets", std::to_string(offsets.size()), place);
  const std::int64_t begin = offsets[0].as_int();
  const std::int64_t end = offsets[1].as_int();
  if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > available) {
    broken("data offsets within " + std::to_string(available) + " bytes",
           std::to_string(begin) + " to " + std::to_string(end), place);
  }
  return {static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end)};
}

template <typename Element>
std::vector<Element> values_of(std::string_view bytes, std::uint64_t count, const std::string& place) {
  if (bytes.size() != count * sizeof(Element)) {
    broken(std::to_string(count * sizeof(Element)) + " bytes, as the shape says", std::to_string(bytes.size()), place);
  }
  std::vector<Element> out(static_cast<std::size_t>(count));
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

Tensor tensor_of(const core::Json& entry, std::string_view bytes, const std::string& place) {
  Tensor out;
  for (const core::Json& length : entry.at("shape").as_array()) out.shape.push_back(length.as_int());
  const std::uint64_t count = count_of(out.shape, place);
  const std::string& type = entry.at("dtype").as_string();
  if (type == "F64") {
    out.values = values_of<double>(bytes, count, place);
  } else if (type == "F32") {
    out.values = values_of<float>(bytes, count, place);
  } else if (type == "I64") {
    out.values = values_of<std::int64_t>(bytes, count, place);
  } else {
    broken("values of type F64, F32 or I64", type, place);
  }
  return out;
}

void require_no_gaps(std::vector<Extent> extents, std::uint64_t available, const std::string& place) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != at)
      broken("arrays without gap or overlap",
             "one that begins at byte " + std::to_string(extent.begin) + " instead of " + std::to_string(at), place);
    at = extent.end;
  }
  if (at != available) {
    broken("a file that ends with its last array", std::to_string(available - at) + " bytes more", place);
  }
}

// JSON that artefacts write is a few levels deep; what is far deeper was made to exhaust the stack.
core::Json parse_shallow(std::string_view text, const std::string& place) {
  constexpr int deepest = 100;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest) broken("JSON of at most 100 levels", "a deeper one", place);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return core::Json::parse(text);
}

core::Json metadata_of(const core::Json& header, const std::string& place) {
  const core::Json* table = header.find("__metadata__");
  if (table == nullptr || table->find("format") == nullptr || table->at("format").as_string() != format_name) {
    broken(std::string("a safetensors file of format \"") + format_name + "\"", "another kind of safetensors file",
           place);
  }
  const std::string& version = table->at("version").as_string();
  const bool digits = !version.empty() && version.size() < 10 &&
                      std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) broken("a format version", "\"" + version + "\"", place);
  if (std::stol(version) > format_version) {
    throw core::VersionError({.where = "surrogate.Artefact.load",
                              .expected = "format version " + std::to_string(format_version) + " or older",
                              .received = version,
                              .place = place,
                              .hint = "read it with the version of luban that wrote it, or a newer one"});
  }
  return parse_shallow(table->at("luban").as_string(), place);
}

void require_seal(const core::Json& header, std::string_view bytes, const std::string& place) {
  const core::Json* found = header.at("__metadata__").find("sha256");
  const std::string seal = found == nullptr ? std::string() : found->as_string();
  const std::size_t at = seal.size() == unsealed.size() ? place_of_seal(bytes, seal) : std::string_view::npos;
  if (at == std::string_view::npos) broken("a file sealed with its SHA-256", "none", place);
  const std::string actual = seal_of(bytes, at);
  if (actual != seal) broken("bytes of SHA-256 " + seal, actual, place);
}

Artefact parse(std::string_view bytes, const std::string& place) {
  if (bytes.size() < prefix) broken("at least 8 bytes", std::to_string(bytes.size()), place);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), prefix);
  if (length > longest_header || length > bytes.size() - prefix) {
    broken("a header of at most " + std::to_string(std::min<std::uint64_t>(longest_header, bytes.size() - prefix)) +
               " bytes",
           std::to_string(length), place);
  }
  const core::Json header = parse_shallow(bytes.substr(prefix, static_cast<std::size_t>(length)), place);
  const std::string_view data = bytes.substr(prefix + static_cast<std::size_t>(length));
  Artefact out;
  out.metadata = metadata_of(header, place);
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.as_object()) {
    if (name == "__metadata__") continue;
    const std::string where = place + ", array \"" + name + "\"";
    const Extent extent = extent_of(entry, data.size(), where);
    const auto bytes_of =
        data.substr(static_cast<std::size_t>(extent.begin), static_cast<std::size_t>(extent.end - extent.begin));
    if (!out.tensors.emplace(name, tensor_of(entry, bytes_of, where)).second)
      broken("each array once", "\"" + name + "\" twice", place);
    extents.push_back(extent);
  }
  require_no_gaps(std::move(extents), data.size(), place);
  require_seal(header, bytes, place);
  return out;
}

}  // namespace

std::string to_safetensors(const Artefact& artefact) {
  core::Json header = core::Json::object();
  header.set("__metadata__", core::Json::object()
                                 .set("format", format_name)
                                 .set("version", std::to_string(format_version))
                                 .set("sha256", unsealed)
                                 .set("luban", artefact.metadata.dump()));
  std::string data;
  for (const std::string& name : order_in_file(artefact)) {
    const Tensor& tensor = artefact.tensors.at(name);
    std::visit(
        [&](const auto& values) {
          if (count_of(tensor.shape, name) != values.size()) {
            throw core::DataError({.where = "surrogate.Artefact",
                                   .expected = "as many values as the shape says",
                                   .received = std::to_string(values.size()),
                                   .place = "array \"" + name + "\"",
                                   .hint = {}});
          }
          core::Json shape = core::Json::array();
          for (const std::int64_t dimension : tensor.shape) shape.push_back(dimension);
          const auto begin = static_cast<std::int64_t>(data.size());
          data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
          header.set(name, core::Json::object()
                               .set("dtype", type_name<std::decay_t<decltype(values)>>())
                               .set("shape", std::move(shape))
                               .set("data_offsets", core::Json::array().push_back(begin).push_back(
                                                        static_cast<std::int64_t>(data.size()))));
        },
        tensor.values);
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  std::string out(prefix, '\0');
  std::memcpy(out.data(), &length, prefix);
  out += text + data;
  const std::size_t at = place_of_seal(out, unsealed);
  out.replace(at, unsealed.size(), seal_of(out, at));
  return out;
}

Artefact from_safetensors(std::string_view bytes, const std::string& place) {
  try {
    return parse(bytes, place);
  } catch (const core::DataError& error) {  // the JSON reader's: not JSON, or a value of another type
    broken("a safetensors header", error.detail().received, place);
  }
}

}  // namespace luban::surrogate::detail

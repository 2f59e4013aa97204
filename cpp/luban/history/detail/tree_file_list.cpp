#include <algorithm>
#include <cstring>
#include <luban/core/error.hpp>
#include <luban/history/detail/tree_file.hpp>
#include <optional>

namespace luban::history::detail {
namespace {

/// A history has three levels; what lies deeper than this is no history, or a circle.
constexpr std::size_t deepest = 16;
/// Limits beyond which a size is taken for damage or malice.
constexpr std::size_t most_elements = std::size_t{1} << 40;
constexpr std::size_t largest_chunk = std::size_t{64} << 20;

[[noreturn]] void not_ours(const std::string& file, const std::string& object, const char* received, const char* hint) {
  throw core::IntegrityError({.where = "history.open",
                              .expected = "groups and datasets that hold their own data",
                              .received = received,
                              .place = file + ", " + object,
                              .hint = hint});
}

StoredKind stored_kind(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return StoredKind::text;
    case H5T_FLOAT:
      return H5Tequal(type, H5T_IEEE_F64LE) > 0 ? StoredKind::float64 : StoredKind::other;
    case H5T_INTEGER:
      if (H5Tequal(type, H5T_STD_I64LE) > 0) return StoredKind::int64;
      return H5Tequal(type, H5T_STD_I32LE) > 0 ? StoredKind::int32 : StoredKind::other;
    default:
      return StoredKind::other;
  }
}

/// The filter as we undo it, or nothing when we do not.
std::optional<Filter> known_filter(hid_t properties, unsigned number, const Hdf5Place& place) {
  unsigned flags = 0;
  unsigned values[8] = {};
  std::size_t count = std::size(values);
  const H5Z_filter_t id =
      checked(H5Pget_filter2(properties, number, &flags, &count, values, 0, nullptr, nullptr), "H5Pget_filter2", place);
  switch (id) {
    case static_cast<int>(FilterId::shuffle):
      if (count < 1 || values[0] == 0) return std::nullopt;
      return Filter{FilterId::shuffle, values[0]};
    case static_cast<int>(FilterId::deflate):
    case static_cast<int>(FilterId::fletcher32):
    case static_cast<int>(FilterId::lz4):
    case static_cast<int>(FilterId::zstd):
      return Filter{static_cast<FilterId>(id)};
    default:
      return std::nullopt;
  }
}

// Chunk length and pipeline; `direct` stays false for a filter that we do not know.
void read_filters(hid_t properties, DatasetInfo& info, const Hdf5Place& place) {
  hsize_t chunk = 0;
  checked(H5Pget_chunk(properties, 1, &chunk), "H5Pget_chunk", place);
  info.chunk = chunk;
  info.direct = info.element_size > 0;
  const int filters = checked(H5Pget_nfilters(properties), "H5Pget_nfilters", place);
  for (int i = 0; i < filters; ++i) {
    const auto filter = known_filter(properties, static_cast<unsigned>(i), place);
    info.direct = info.direct && filter.has_value();
    if (filter) info.pipeline.push_back(*filter);
  }
  info.direct = info.direct && decodable(info.pipeline);
}

/// What is absurd about the sizes of a dataset; "" = nothing.
std::string fault_of(const DatasetInfo& info) {
  if (info.count > most_elements) return std::to_string(info.count) + " elements";
  if (info.element_size > largest_chunk) return "elements of " + std::to_string(info.element_size) + " bytes";
  constexpr std::size_t reference = 16;
  const std::size_t element = info.element_size == 0 ? reference : info.element_size;
  if (info.chunk > largest_chunk / element) return "chunks of " + std::to_string(info.chunk) + " elements";
  return {};
}

struct Links {
  std::vector<std::string> names;
  std::string foreign;  // a soft or external link
};

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  auto& links = *static_cast<Links*>(data);
  if (info->type != H5L_TYPE_HARD) links.foreign = name;
  links.names.emplace_back(name);
  return 0;
}

/// Where an object lies in the file: the same for every name of it.
std::string identity(hid_t object, const Hdf5Place& place) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  checked(H5Oget_info3(object, &info, H5O_INFO_BASIC), "H5Oget_info3", place);
  return {reinterpret_cast<const char*>(&info.token), sizeof info.token};
#else
  H5O_info_t info;
  checked(H5Oget_info2(object, &info, H5O_INFO_BASIC), "H5Oget_info2", place);
  return std::to_string(info.addr);
#endif
}

}  // namespace

// Level by level and without recursion: neither depth nor circles of hard links can exhaust the stack.
void TreeFile::list(const Hdf5Lock& lock) {
  std::vector<std::string> visited;
  std::vector<std::string> level = {"/"};
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    if (depth > deepest) {
      not_ours(path_, level.front(), "groups within groups without end", "the file is no history");
    }
    std::vector<std::string> next;
    for (const std::string& group : level) {
      std::vector<std::string> below = list_group(lock, group, visited);
      next.insert(next.end(), std::make_move_iterator(below.begin()), std::make_move_iterator(below.end()));
    }
    level = std::move(next);
  }
}

// Lists the datasets of a group; returns the groups in it.
std::vector<std::string> TreeFile::list_group(const Hdf5Lock& lock, const std::string& group,
                                              std::vector<std::string>& visited) {
  const Hdf5Place place{"history.open", path_, group};
  const Handle handle(checked(H5Gopen2(file_.id(), group.c_str(), H5P_DEFAULT), "H5Gopen2", place), &H5Gclose);
  const std::string self = identity(handle.id(), place);
  if (std::find(visited.begin(), visited.end(), self) != visited.end()) {
    not_ours(path_, group, "a group under two names", "copy the data, or leave one of the links out");
  }
  visited.push_back(self);
  groups_[group] = read_attributes(lock, handle.id(), place);
  Links links;
  checked(H5Literate(handle.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, &collect_link, &links), "H5Literate", place);
  const std::string prefix = group == "/" ? group : group + "/";
  if (!links.foreign.empty()) {
    not_ours(path_, prefix + links.foreign, "a soft or external link",
             "a history does not point elsewhere; copy the data in");
  }
  std::vector<std::string> groups;
  for (const std::string& name : links.names) {
    const std::string object = prefix + name;
    const Hdf5Place at{"history.open", path_, object};
    const Handle found(checked(H5Oopen(handle.id(), name.c_str(), H5P_DEFAULT), "H5Oopen", at), &H5Oclose);
    switch (H5Iget_type(found.id())) {
      case H5I_GROUP:
        groups.push_back(object);
        break;
      case H5I_DATASET:
        list_dataset(lock, object, found.id());
        break;
      default:
        not_ours(path_, object, "a named type", "the file was not written by this format's rules");
    }
  }
  return groups;
}

void TreeFile::list_dataset(const Hdf5Lock& lock, const std::string& object, hid_t dataset) {
  const Hdf5Place place{"history.open", path_, object};
  DatasetInfo info;
  const Handle properties(checked(H5Dget_create_plist(dataset), "H5Dget_create_plist", place), &H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  // Before anything else is asked: the size of a virtual dataset is looked up in the files that it points to.
  if (layout == H5D_VIRTUAL || H5Pget_external_count(properties.id()) > 0) {
    not_ours(path_, object, "a dataset whose data lie in other files", "a history does not point elsewhere");
  }
  info.attributes = read_attributes(lock, dataset, place);
  const Handle type(checked(H5Dget_type(dataset), "H5Dget_type", place), &H5Tclose);
  const Handle space(checked(H5Dget_space(dataset), "H5Dget_space", place), &H5Sclose);
  info.count = static_cast<std::size_t>(
      checked(H5Sget_simple_extent_npoints(space.id()), "H5Sget_simple_extent_npoints", place));
  info.kind = H5Sget_simple_extent_ndims(space.id()) == 1 ? stored_kind(type.id()) : StoredKind::other;
  const bool variable = info.kind == StoredKind::text && H5Tis_variable_str(type.id()) > 0;
  info.element_size = variable ? 0 : H5Tget_size(type.id());
  if (info.kind != StoredKind::other && layout == H5D_CHUNKED) read_filters(properties.id(), info, place);
  info.fault = fault_of(info);
  datasets_[object] = std::move(info);
}

}  // namespace luban::history::detail

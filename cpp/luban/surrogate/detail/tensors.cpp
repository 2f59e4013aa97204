#include <luban/surrogate/detail/tensors.hpp>

#include <luban/core/error.hpp>

namespace luban::surrogate::detail {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Element>
const std::vector<Element>& values_of(const Artefact& artefact, const std::string& name, std::size_t rank) {
  const auto at = artefact.tensors.find(name);
  require_intact(at != artefact.tensors.end(), "the array to be there", name);
  const auto* values = std::get_if<std::vector<Element>>(&at->second.values);
  require_intact(values != nullptr, "another type of value", name);
  require_intact(at->second.shape.size() == rank, std::to_string(rank) + " dimensions", name);
  std::int64_t count = 1;
  for (const std::int64_t length : at->second.shape) count *= length;
  require_intact(count == static_cast<std::int64_t>(values->size()), "as many values as the shape says", name);
  return *values;
}

}  // namespace

void require_intact(bool right, const std::string& expected, const std::string& name) {
  if (right) return;
  throw core::IntegrityError({.where = "surrogate.read",
                              .expected = expected,
                              .received = "something else",
                              .place = "array \"" + name + "\" of the artefact",
                              .hint = "the artefact is damaged; restore it from where it was made"});
}

void throw_damaged(const char* where, const core::DataError& error) {
  throw core::IntegrityError({.where = where,
                              .expected = error.detail().expected,
                              .received = error.detail().received,
                              .place = "metadata of the artefact",
                              .hint = "the artefact is damaged or holds another kind of model"});
}

Tensor to_tensor(const Eigen::MatrixXd& matrix) {
  std::vector<double> values(static_cast<std::size_t>(matrix.size()));
  Eigen::Map<RowMajor>(values.data(), matrix.rows(), matrix.cols()) = matrix;
  return {.shape = {matrix.rows(), matrix.cols()}, .values = std::move(values)};
}

Tensor to_tensor(const Eigen::VectorXd& vector) {
  return {.shape = {vector.size()}, .values = std::vector<double>(vector.begin(), vector.end())};
}

Eigen::MatrixXd matrix_from(const Artefact& artefact, const std::string& name) {
  const std::vector<double>& values = values_of<double>(artefact, name, 2);
  const std::vector<std::int64_t>& shape = artefact.tensors.at(name).shape;
  return Eigen::Map<const RowMajor>(values.data(), shape[0], shape[1]);
}

Eigen::VectorXd vector_from(const Artefact& artefact, const std::string& name) {
  const std::vector<double>& values = values_of<double>(artefact, name, 1);
  return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

std::vector<std::int64_t> integers_from(const Artefact& artefact, const std::string& name) {
  return values_of<std::int64_t>(artefact, name, 1);
}

}  // namespace luban::surrogate::detail

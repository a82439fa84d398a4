"""Makes hostile checkpoints from a good one: valid HDF5, with things inside that no checkpoint of ours has.

usage: hostile_hdf5.py GOOD.h5 FOLDER      one file a case; the caller gives them a right digest
"""

import shutil
import sys
from pathlib import Path

import h5py
import numpy

NAME = "to_text_latent.weight"
VALUES = numpy.zeros((5, 7), "<f4")


def chunked(group, name, data, **options):
    options = {"chunks": data.shape, "fletcher32": True} | options
    return group.create_dataset(name, data=data, **options)


def replace(file, data=VALUES, **options):
    """The array anew, as it should be but for the options."""
    del file["model"][NAME]
    return chunked(file["model"], NAME, data, **options)


def raw(file, shape, dtype="<f4", chunk=None, most=None, change=lambda properties: None):
    """The array anew, described call by call. Nothing is stored."""
    del file["model"][NAME]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunk:
        properties.set_chunk(chunk)
        properties.set_fletcher32()
    change(properties)
    space = h5py.h5s.create_simple(shape, most)
    kind = dtype if isinstance(dtype, h5py.h5t.TypeID) else h5py.h5t.py_create(numpy.dtype(dtype))
    h5py.h5d.create(file["model"].id, NAME.encode(), kind, space, dcpl=properties)


def link(file, target):
    del file["model"][NAME]
    file["model"][NAME] = target


def virtual(file):
    layout = h5py.VirtualLayout(shape=VALUES.shape, dtype="<f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "secret", shape=VALUES.shape)
    del file["model"][NAME]
    file["model"].create_virtual_dataset(NAME, layout)


def move_group_behind_link(file):
    file.move("model", "rng2")
    file["model"] = h5py.SoftLink("/rng2")


def replace_attribute(file, name, value, **options):
    del file.attrs[name]
    file.attrs.create(name, value, **options)


def pick_named_type(file):
    del file["model"][NAME]
    file["model"][NAME] = numpy.dtype("<f4")


def empty_space(file):
    del file["model"][NAME]
    file["model"][NAME] = h5py.Empty("<f4")


def deep_groups(file):
    group = file["model"]
    for _ in range(500):
        group = group.create_group("g")


H5Z_BLOSC = 32001  # a registered filter that is a plug-in everywhere
COMPOUND = numpy.dtype([("a", "<f4"), ("b", "<i8")])
TEXT = h5py.string_dtype()

CASES = {
    "external_link": lambda f: link(f, h5py.ExternalLink("/etc/hostname", "/")),
    "soft_link": lambda f: link(f, h5py.SoftLink("/model/temperature")),
    "dangling_soft_link": lambda f: link(f, h5py.SoftLink("/nowhere")),
    "soft_link_to_itself": lambda f: link(f, h5py.SoftLink("/model/" + NAME)),
    "soft_link_for_a_group": move_group_behind_link,
    "external_link_for_a_group": lambda f: (f.move("rng", "x"), f.pop("x"),
                                            f.__setitem__("rng", h5py.ExternalLink("/etc/hostname", "/"))),
    "named_type": pick_named_type,
    "virtual_dataset": virtual,
    "external_storage": lambda f: raw(f, (5, 7), change=lambda p: p.set_external(b"/etc/hostname", 0, 140)),
    "contiguous": lambda f: replace(f, chunks=None, fletcher32=False),
    "no_checksum": lambda f: replace(f, fletcher32=False),
    "gzip": lambda f: replace(f, compression="gzip"),
    "gzip_alone": lambda f: replace(f, compression="gzip", fletcher32=False),
    "shuffle": lambda f: replace(f, shuffle=True),
    "lzf": lambda f: replace(f, compression="lzf"),
    "unknown_filter": lambda f: raw(f, (5, 7), chunk=(5, 7), change=lambda p: p.set_filter(
        H5Z_BLOSC, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))),
    "huge_one_axis": lambda f: raw(f, (2**60,), chunk=(1024,)),
    "huge_product": lambda f: raw(f, (2**40, 2**40), chunk=(32, 32)),
    "huge_bytes_of_few": lambda f: raw(f, (2**62,), dtype="<f8", chunk=(1024,)),
    "larger_than_the_file": lambda f: raw(f, (1000, 1000), chunk=(1000, 1000)),
    "rank_32": lambda f: raw(f, (2,) * 32, chunk=(1,) * 32),
    "extendible": lambda f: raw(f, (5, 7), chunk=(5, 7), most=(h5py.h5s.UNLIMITED, 7)),
    "no_space": empty_space,
    "compound": lambda f: raw(f, (5, 7), dtype=COMPOUND, chunk=(5, 7)),
    "enum": lambda f: raw(f, (5, 7), dtype="?", chunk=(5, 7)),
    "half": lambda f: raw(f, (5, 7), dtype="<f2", chunk=(5, 7)),
    "big_endian": lambda f: raw(f, (5, 7), dtype=">f4", chunk=(5, 7)),
    "complex": lambda f: raw(f, (5, 7), dtype="<c8", chunk=(5, 7)),
    "fixed_text": lambda f: raw(f, (5, 7), dtype="S9", chunk=(5, 7)),
    "opaque": lambda f: raw(f, (5, 7), dtype="V9", chunk=(5, 7)),
    "array_type": lambda f: raw(f, (5,), dtype=h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (7,)), chunk=(5,)),
    "variable_length": lambda f: raw(f, (5,), dtype=h5py.h5t.vlen_create(h5py.h5t.IEEE_F32LE)),
    "reference": lambda f: raw(f, (5,), dtype=h5py.h5t.STD_REF_OBJ, chunk=(5,)),
    "weight_of_integers_8": lambda f: replace(f, VALUES.astype("<i1")),
    "moment_of_another_shape": lambda f: replace(f, VALUES.T.copy()),
    "group_in_model": lambda f: f["model"].create_group("more"),
    "groups_500_deep": deep_groups,
    "root_inside_model": lambda f: f["model"].__setitem__("loop", f["/"]),
    "array_in_root": lambda f: chunked(f, "more", VALUES),
    "array_in_optimizer": lambda f: chunked(f["optimizer"], "more", VALUES),
    "group_too_many": lambda f: f.create_group("more"),
    "group_missing": lambda f: f.pop("rng"),
    "array_for_a_group": lambda f: (f.pop("rng"), chunked(f, "rng", VALUES)),
    "step_missing": lambda f: f.attrs.pop("step"),
    "step_is_an_array": lambda f: replace_attribute(f, "step", numpy.arange(3, dtype="<i8")),
    "step_is_real": lambda f: replace_attribute(f, "step", 7.0),
    "step_is_big_endian": lambda f: replace_attribute(f, "step", 7, dtype=">i8"),
    "step_is_compound": lambda f: replace_attribute(f, "step", numpy.zeros((), COMPOUND)),
    "text_of_fixed_length": lambda f: replace_attribute(f, "config", numpy.bytes_(b"x"), dtype="S1"),
    "text_is_an_array": lambda f: replace_attribute(f, "config", ["a", "b"], dtype=TEXT),
    "attribute_is_a_reference": lambda f: f["rng"].attrs.create("r", f["model"].ref, dtype=h5py.ref_dtype),
    "newer_version_inside": lambda f: replace_attribute(f, "format_version", 2, dtype="<i8"),
    "other_format_inside": lambda f: replace_attribute(f, "format", "keras", dtype=TEXT),
}


def main():
    good, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for name, change in CASES.items():
        path = folder / f"{name}.h5"
        shutil.copyfile(good, path)
        with h5py.File(path, "r+", libver=("v110", "v110")) as file:
            change(file)


main()

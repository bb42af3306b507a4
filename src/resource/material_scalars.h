/* Numbers in a Material block: conversion, limits and places of scalars. */
#ifndef RG_RESOURCE_MATERIAL_SCALARS_H
#define RG_RESOURCE_MATERIAL_SCALARS_H

#include <regolith/regolith.h>

/* Bytes of one scalar in a block. */
uint32_t scalar_size(rg_scalar scalar);
/* FLOATS, INTS, UINTS or BOOLS. */
rg_value_kind scalar_kind(rg_scalar scalar);
/* Whether the type can hold the value: finite, in range, whole. type, owner (its label),
 * name, component: for the message. */
RG_NODISCARD rg_result scalar_check(rg_scalar scalar, double value, rg_type type, const char *owner,
                                    const char *name, uint64_t component);
/* value: checked. */
void scalar_store(rg_scalar scalar, double value, void *place);
double scalar_load(rg_scalar scalar, const void *place);

/* rows × columns × elements. */
uint64_t member_components(const rg_member *member);
/* Bytes from the member's start to a component, counted as rg_parameter does. */
uint64_t member_component_offset(const rg_member *member, uint64_t component);

#endif

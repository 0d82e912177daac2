"""The builtin functions that `direct` makes, in LLVM's language; written with what is in a tuple, their ``self``.

Its items, by number: 0 what is called otherwise, 1 the compiled function, 2 the types of its leaves, 3 what was frozen
(dictionary, name, value, one after another), and where there are structures 4 the plans of the arguments and 5 that of
the result.  A *plan* is an empty tuple for a leaf, and else the class, and the name and the plan of each part.
"""

ATTENTION = "staticbp.attention"
FUNCTIONS = ("one", "all", "structures")
"""For a call whose arguments are leaves, the only result or all of them; for one with structures."""

IMPORTS = (
    "PyTuple_Type",
    "PyObject_Vectorcall",
    "PyDict_GetItemWithError",
    "PyErr_Clear",
    "Py_IncRef",
    "Py_DecRef",
    "PyObject_GetAttr",
    "PyObject_GenericSetAttr",
    "PyType_GenericNew",
    "PyTuple_New",
    "PyTuple_SetItem",
    "PyList_Type",
    "PyList_New",
    "PyList_SetItem",
    "PySequence_GetItem",
)

CODE = """
@"$ATTENTION" = external global i64
@PyTuple_Type = external global i8
@PyList_Type = external global i8

declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare void @PyErr_Clear()
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyObject_GetAttr(ptr, ptr)
declare i32 @PyObject_GenericSetAttr(ptr, ptr, ptr)
declare ptr @PyType_GenericNew(ptr, ptr, ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PySequence_GetItem(ptr, i64)

define internal ptr @item(ptr %tuple, i64 %position) alwaysinline {
  %items = getelementptr i8, ptr %tuple, i64 $ITEMS
  %place = getelementptr ptr, ptr %items, i64 %position
  %object = load ptr, ptr %place
  ret ptr %object
}

define internal i64 @length(ptr %tuple) alwaysinline {
  %place = getelementptr i8, ptr %tuple, i64 $LENGTH
  %count = load i64, ptr %place
  ret i64 %count
}

define internal ptr @type(ptr %object) alwaysinline {
  %place = getelementptr i8, ptr %object, i64 $TYPE
  %type = load ptr, ptr %place
  ret ptr %type
}

define internal i1 @alike(ptr %kinds, ptr %given) alwaysinline {
begin:
  %count = call i64 @length(ptr %kinds)
  br label %each
each:
  %i = phi i64 [0, %begin], [%next, %look]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %look, label %done
look:
  %at = getelementptr ptr, ptr %given, i64 %i
  %object = load ptr, ptr %at
  %type = call ptr @type(ptr %object)
  %kind = call ptr @item(ptr %kinds, i64 %i)
  %same = icmp eq ptr %type, %kind
  %next = add i64 %i, 1
  br i1 %same, label %each, label %done
done:
  %alike = phi i1 [true, %each], [false, %look]
  ret i1 %alike
}

define internal i1 @unchanged(ptr %lookups) alwaysinline {
begin:
  %count = call i64 @length(ptr %lookups)
  br label %each
each:
  %i = phi i64 [0, %begin], [%next, %find]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %find, label %done
find:
  %owner = call ptr @item(ptr %lookups, i64 %i)
  %i1 = add i64 %i, 1
  %name = call ptr @item(ptr %lookups, i64 %i1)
  %found = call ptr @PyDict_GetItemWithError(ptr %owner, ptr %name)
  %i2 = add i64 %i, 2
  %value = call ptr @item(ptr %lookups, i64 %i2)
  %same = icmp eq ptr %found, %value
  %next = add i64 %i, 3
  br i1 %same, label %each, label %done
done:
  %unchanged = phi i1 [true, %each], [false, %find]
  ret i1 %unchanged
}

define internal i1 @alone(i64 %count, i64 %wanted, ptr %keywords) alwaysinline {
  %attention = load atomic i64, ptr @"$ATTENTION" monotonic, align 8
  %noticed = icmp ne i64 %attention, 0
  %others = icmp ne i64 %count, %wanted
  %named = icmp ne ptr %keywords, null
  %unlike = or i1 %others, %named
  %not = or i1 %unlike, %noticed
  %alone = xor i1 %not, true
  ret i1 %alone
}

; The results of the function: a tuple; null, with no exception, when it gives anything else.
define internal ptr @results(ptr %self, ptr %given, i64 %count) alwaysinline {
begin:
  %function = call ptr @item(ptr %self, i64 1)
  %results = call ptr @PyObject_Vectorcall(ptr %function, ptr %given, i64 %count, ptr null)
  %nothing = icmp eq ptr %results, null
  br i1 %nothing, label %failed, label %something
something:
  %type = call ptr @type(ptr %results)
  %good = icmp eq ptr %type, @PyTuple_Type
  br i1 %good, label %done, label %status
status:
  call void @Py_DecRef(ptr %results)
  ret ptr null
failed:
  call void @PyErr_Clear()
  ret ptr null
done:
  ret ptr %results
}

define internal ptr @otherwise(ptr %self, ptr %args, i64 %count, ptr %keywords) alwaysinline {
  call void @PyErr_Clear()
  %slow = call ptr @item(ptr %self, i64 0)
  %answer = call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %count, ptr %keywords)
  ret ptr %answer
}

define internal ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 %one) alwaysinline {
begin:
  %kinds = call ptr @item(ptr %self, i64 2)
  %wanted = call i64 @length(ptr %kinds)
  %alone = call i1 @alone(i64 %count, i64 %wanted, ptr %keywords)
  br i1 %alone, label %look, label %otherwise
look:
  %alike = call i1 @alike(ptr %kinds, ptr %args)
  br i1 %alike, label %frozen, label %otherwise
frozen:
  %lookups = call ptr @item(ptr %self, i64 3)
  %unchanged = call i1 @unchanged(ptr %lookups)
  br i1 %unchanged, label %run, label %otherwise
run:
  %results = call ptr @results(ptr %self, ptr %args, i64 %count)
  %nothing = icmp eq ptr %results, null
  br i1 %nothing, label %otherwise, label %done
done:
  br i1 %one, label %single, label %all
single:
  %only = call ptr @item(ptr %results, i64 0)
  call void @Py_IncRef(ptr %only)
  call void @Py_DecRef(ptr %results)
  ret ptr %only
all:
  ret ptr %results
otherwise:
  %answer = call ptr @otherwise(ptr %self, ptr %args, i64 %count, ptr %keywords)
  ret ptr %answer
}

define ptr @"staticbp.one"(ptr %self, ptr %args, i64 %count, ptr %keywords) {
  %answer = call ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 true)
  ret ptr %answer
}

define ptr @"staticbp.all"(ptr %self, ptr %args, i64 %count, ptr %keywords) {
  %answer = call ptr @pass(ptr %self, ptr %args, i64 %count, ptr %keywords, i1 false)
  ret ptr %answer
}

; The leaves of an object, each with a reference, behind those that there are: false when it is no such structure.
define internal i1 @taken(ptr %plan, ptr %object, ptr %leaves, ptr %cursor) {
begin:
  %length = call i64 @length(ptr %plan)
  %is_leaf = icmp eq i64 %length, 0
  br i1 %is_leaf, label %leaf, label %structure
leaf:
  %place = load i64, ptr %cursor
  %at = getelementptr ptr, ptr %leaves, i64 %place
  call void @Py_IncRef(ptr %object)
  store ptr %object, ptr %at
  %behind = add i64 %place, 1
  store i64 %behind, ptr %cursor
  ret i1 true
structure:
  %type = call ptr @type(ptr %object)
  %wanted = call ptr @item(ptr %plan, i64 0)
  %same = icmp eq ptr %type, %wanted
  br i1 %same, label %kind, label %differs
kind:
  %is_tuple = icmp eq ptr %type, @PyTuple_Type
  %is_list = icmp eq ptr %type, @PyList_Type
  %is_sequence = or i1 %is_tuple, %is_list
  br i1 %is_sequence, label %sequence, label %each
sequence:
  %size = lshr i64 %length, 1
  %found = call i64 @length(ptr %object)
  %as_many = icmp eq i64 %found, %size
  br i1 %as_many, label %each, label %differs
each:
  %i = phi i64 [1, %kind], [1, %sequence], [%next, %read]
  %more = icmp slt i64 %i, %length
  br i1 %more, label %get, label %done
get:
  br i1 %is_sequence, label %get_item, label %get_attribute
get_item:
  %position = lshr i64 %i, 1
  %item = call ptr @PySequence_GetItem(ptr %object, i64 %position)
  br label %got
get_attribute:
  %name = call ptr @item(ptr %plan, i64 %i)
  %value = call ptr @PyObject_GetAttr(ptr %object, ptr %name)
  br label %got
got:
  %part = phi ptr [%item, %get_item], [%value, %get_attribute]
  %gone = icmp eq ptr %part, null
  br i1 %gone, label %differs, label %read
read:
  %i1 = add i64 %i, 1
  %inner = call ptr @item(ptr %plan, i64 %i1)
  %fits = call i1 @taken(ptr %inner, ptr %part, ptr %leaves, ptr %cursor)
  call void @Py_DecRef(ptr %part)
  %next = add i64 %i, 2
  br i1 %fits, label %each, label %differs
done:
  ret i1 true
differs:
  ret i1 false
}

; A structure of the results from the cursor on: null, with an exception, when there is no memory for it.
define internal ptr @made(ptr %plan, ptr %results, ptr %cursor) {
begin:
  %length = call i64 @length(ptr %plan)
  %is_leaf = icmp eq i64 %length, 0
  br i1 %is_leaf, label %leaf, label %structure
leaf:
  %place = load i64, ptr %cursor
  %result = call ptr @item(ptr %results, i64 %place)
  call void @Py_IncRef(ptr %result)
  %behind = add i64 %place, 1
  store i64 %behind, ptr %cursor
  ret ptr %result
structure:
  %type = call ptr @item(ptr %plan, i64 0)
  %size = lshr i64 %length, 1
  %is_tuple = icmp eq ptr %type, @PyTuple_Type
  br i1 %is_tuple, label %tuple, label %no_tuple
tuple:
  %new_tuple = call ptr @PyTuple_New(i64 %size)
  br label %begun
no_tuple:
  %is_list = icmp eq ptr %type, @PyList_Type
  br i1 %is_list, label %list, label %record
list:
  %new_list = call ptr @PyList_New(i64 %size)
  br label %begun
record:
  %new_record = call ptr @PyType_GenericNew(ptr %type, ptr null, ptr null)
  br label %begun
begun:
  %new = phi ptr [%new_tuple, %tuple], [%new_list, %list], [%new_record, %record]
  %none = icmp eq ptr %new, null
  br i1 %none, label %nothing, label %each
each:
  %i = phi i64 [1, %begun], [%next, %onward]
  %more = icmp slt i64 %i, %length
  br i1 %more, label %make, label %done
make:
  %i1 = add i64 %i, 1
  %inner = call ptr @item(ptr %plan, i64 %i1)
  %part = call ptr @made(ptr %inner, ptr %results, ptr %cursor)
  %missing = icmp eq ptr %part, null
  br i1 %missing, label %undone, label %put
put:
  %position = lshr i64 %i, 1
  br i1 %is_tuple, label %put_in_tuple, label %put_elsewhere
put_in_tuple:
  %kept = call i32 @PyTuple_SetItem(ptr %new, i64 %position, ptr %part)
  br label %onward
put_elsewhere:
  %in_list = icmp eq ptr %type, @PyList_Type
  br i1 %in_list, label %put_in_list, label %put_attribute
put_in_list:
  %held = call i32 @PyList_SetItem(ptr %new, i64 %position, ptr %part)
  br label %onward
put_attribute:
  %name = call ptr @item(ptr %plan, i64 %i)
  %status = call i32 @PyObject_GenericSetAttr(ptr %new, ptr %name, ptr %part)
  call void @Py_DecRef(ptr %part)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %undone, label %onward
onward:
  %next = add i64 %i, 2
  br label %each
done:
  ret ptr %new
undone:
  call void @Py_DecRef(ptr %new)
  ret ptr null
nothing:
  ret ptr null
}

define ptr @"staticbp.structures"(ptr %self, ptr %args, i64 %count, ptr %keywords) {
begin:
  %kinds = call ptr @item(ptr %self, i64 2)
  %most = call i64 @length(ptr %kinds)
  %leaves = alloca ptr, i64 %most
  %cursor = alloca i64
  store i64 0, ptr %cursor
  %plans = call ptr @item(ptr %self, i64 4)
  %wanted = call i64 @length(ptr %plans)
  %alone = call i1 @alone(i64 %count, i64 %wanted, ptr %keywords)
  br i1 %alone, label %each, label %otherwise
each:
  %i = phi i64 [0, %begin], [%next, %take]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %take, label %look
take:
  %plan = call ptr @item(ptr %plans, i64 %i)
  %at = getelementptr ptr, ptr %args, i64 %i
  %given = load ptr, ptr %at
  %taken = call i1 @taken(ptr %plan, ptr %given, ptr %leaves, ptr %cursor)
  %next = add i64 %i, 1
  br i1 %taken, label %each, label %release
look:
  %alike = call i1 @alike(ptr %kinds, ptr %leaves)
  br i1 %alike, label %frozen, label %release
frozen:
  %lookups = call ptr @item(ptr %self, i64 3)
  %unchanged = call i1 @unchanged(ptr %lookups)
  br i1 %unchanged, label %run, label %release
run:
  %found = call ptr @results(ptr %self, ptr %leaves, i64 %most)
  br label %release
release:
  %results = phi ptr [null, %take], [null, %look], [null, %frozen], [%found, %run]
  %held = load i64, ptr %cursor
  br label %each_held
each_held:
  %j = phi i64 [0, %release], [%j1, %drop]
  %left = icmp slt i64 %j, %held
  br i1 %left, label %drop, label %released
drop:
  %where = getelementptr ptr, ptr %leaves, i64 %j
  %leaf = load ptr, ptr %where
  call void @Py_DecRef(ptr %leaf)
  %j1 = add i64 %j, 1
  br label %each_held
released:
  %nothing = icmp eq ptr %results, null
  br i1 %nothing, label %otherwise, label %make
make:
  store i64 0, ptr %cursor
  %outcome = call ptr @item(ptr %self, i64 5)
  %made = call ptr @made(ptr %outcome, ptr %results, ptr %cursor)
  call void @Py_DecRef(ptr %results)
  %missing = icmp eq ptr %made, null
  br i1 %missing, label %otherwise, label %done
done:
  ret ptr %made
otherwise:
  %answer = call ptr @otherwise(ptr %self, ptr %args, i64 %count, ptr %keywords)
  ret ptr %answer
}
"""

"""What a person sees: a home page, one page per task, the models page, and the shared view pieces in `shared/`.

How to add a page
-----------------
1. `engine/registry.py` lists the task; `navigation.py` then shows `app_pages/<package>.py` under the task's title, the
   home page its question and what goes in, the sidebar its models. Its icon is a line in `navigation.TASK_ICONS`.
2. `app_pages/<package>.py` has one function `show()`. It asks, in the order in which every page tells it:

       opened = opening(TASK, "a drawn heart")   # title, sidebar, the ways in, progress and Cancel, and, where the study
                                             # was refused, why: no number                     (shared/opening.py)
       own, found = opened                   # the session's desk and its Analysis             (shared/desk.py)
       ...                                   # what went in, as understood: the task's own drawing; checks(...)
       answer(...); bars(...)                # the answer in one line, each class               (shared/answer.py)
       explanation(found)                    # asked for once the answer is shown; deletion_curve(...)  (shared/curves.py)
       measurements(...)                     # with reference ranges and where they were read
       said = verdict(...)                   # the clinician's own reading
       export(found.analysis, said, ...)     # finding.json, report, FHIR, the task's files, explanation.npz
       cards(...)                            # the cards of what answered

   `ecg.py` does all of that. What only this page draws lies in a folder of its own, as `ecg_views/` does.
3. `examples/<task id>.<suffix>` is the synthetic example, made by our own simulator: home page and sidebar then offer
   it. `examples/<task id>_result.jpg` is the picture beside the question on the home page.
4. Own mark-up goes through `shared/view.py`, words from outside through `wording.text`. Nothing is told by colour
   alone; numbers are in words too; widgets have labels. `tests/app_pages/test_accessibility.py` walks every page.

A reader's corrections are text fields on `own.fields`, in the form that the task's `options` takes; changing them and
`st.rerun()` is all it takes to have the study read again.
"""

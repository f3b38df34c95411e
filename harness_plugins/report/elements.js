  function h(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === false || value === null || value === undefined) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    return fill(made, ...children);
  }
  function fill(element, ...children) {
    element.replaceChildren(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== "" && c !== false));
    return element;
  }
